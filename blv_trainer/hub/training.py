"""How ``BLVTrainer`` pushes: after training with all checks, and at checkpoints without stopping the training."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import HfApi
from huggingface_hub import run_as_future as in_background
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import HubStrategy, SaveStrategy
from transformers.utils import PushInProgress

from blv_trainer.arguments import output_folder
from blv_trainer.files import write_json
from blv_trainer.hub.checks import check_files
from blv_trainer.hub.commit import open_repository, push_files
from blv_trainer.hub.errors import hub_sentences, usable_token
from blv_trainer.hub.files import select_files
from blv_trainer.hub.publish import publish

if TYPE_CHECKING:
    from concurrent.futures import Future

    from huggingface_hub import CommitInfo
    from transformers import Trainer

logger = logging.getLogger(__name__)

_NEVER_PUSHED = "training_args.bin"  # a pickle of a class; training_args.json says the same


def open_trainers_repository(trainer: Trainer, *, token: str | None = None, private: bool | None = None) -> str:
    """Make the repository of a training run unless it is there; its full name.

    Raises:
        ValueError: the trainer has no tokenizer.
        PermissionError, ConnectionError, OSError: as ``push_files``, before any time went into training.
    """
    if trainer.processing_class is None and getattr(trainer.data_collator, "tokenizer", None) is None:
        raise ValueError(
            "push_to_hub needs the tokenizer, without which nobody can use the model: give processing_class=tokenizer."
        )
    name = _repository_name(trainer)
    private = trainer.args.hub_private_repo if private is None else private
    with hub_sentences(name):
        api = HfApi(token=usable_token(token or trainer.args.hub_token))
        return open_repository(api, name, private=bool(private))[0]


def push_trained(
    trainer: Trainer,
    *,
    commit_message: str | None,
    blocking: bool,
    token: str | None,
    revision: str | None,
    private: bool | None,
    card: dict[str, Any],
) -> CommitInfo | Future[CommitInfo] | None:
    """Save model and card, and ``publish`` the output folder; None on all processes but the first.

    Args:
        trainer: after training.
        commit_message: the commit's title.
        blocking: wait until the push is done.
        token: instead of ``args.hub_token`` and of the login.
        revision: branch; default ``args.hub_revision``.
        private: default ``args.hub_private_repo``.
        card: arguments of ``trainer.create_model_card``.
    """
    args = trainer.args
    trainer.callback_handler.on_push_begin(args, trainer.state, trainer.control)
    trainer.save_model(_internal_call=True)  # on all processes: weights may be spread over them
    if not trainer.is_world_process_zero():
        return None
    name = _repository_name(trainer)
    tags = [card["tags"]] if isinstance(card.get("tags"), str) else list(card.get("tags") or [])
    tags += [tag for tag in getattr(trainer.model, "model_tags", None) or [] if tag not in tags]
    trainer.create_model_card(**{"model_name": name.split("/")[-1], **card, **({"tags": tags} if tags else {})})
    trainer._finish_current_push()
    return publish(
        output_folder(args),
        name,
        private=bool(args.hub_private_repo if private is None else private),
        token=token or args.hub_token,
        revision=revision or args.hub_revision,
        commit_message=commit_message or "End of training",
        run_as_future=not blocking,
    )


def push_checkpoint(trainer: Trainer, checkpoint_folder: str) -> None:
    """Push a checkpoint's model in the background, as ``args.hub_strategy`` says; a failure is logged, no more.

    The strategies "checkpoint" and "all_checkpoints" also push what a resumed run needs, optimiser state among it, in
    the same commit; the best checkpoint goes by its name there, without this computer's folders.
    """
    args = trainer.args
    if not trainer.is_world_process_zero() or args.hub_strategy == HubStrategy.END:
        return
    running = trainer.push_in_progress
    if running is not None and not running.is_done() and not args.hub_always_push:
        return
    trainer.callback_handler.on_push_begin(args, trainer.state, trainer.control)
    # Links keep the files while save_total_limit may remove the checkpoint.
    staged = Path(tempfile.mkdtemp(prefix="_push-", dir=args.output_dir))
    shutil.copytree(checkpoint_folder, staged, copy_function=_link, dirs_exist_ok=True)
    _name_the_best_checkpoint(staged / TRAINER_STATE_NAME)
    if args.save_strategy == SaveStrategy.STEPS:
        message = f"Training in progress, step {trainer.state.global_step}"
    else:
        message = f"Training in progress, epoch {int(trainer.state.epoch)}"
    push = partial(push_files, _repository_name(trainer), commit_message=message, token=args.hub_token)
    files = _checkpoint_files(staged, Path(checkpoint_folder).name, HubStrategy(args.hub_strategy))
    job = in_background(_push_staged, partial(push, revision=args.hub_revision), staged, files)
    jobs = [*(running.jobs if running is not None else []), job]
    trainer.push_in_progress = PushInProgress(jobs)  # type: ignore[arg-type, assignment]  # declared a job, None


def _checkpoint_files(staged: Path, name: str, strategy: HubStrategy) -> dict[str, Path]:
    files = {file: staged / file for file in select_files(staged).files}
    if strategy in (HubStrategy.CHECKPOINT, HubStrategy.ALL_CHECKPOINTS):
        place = "last-checkpoint" if strategy == HubStrategy.CHECKPOINT else name
        paths = [path for path in staged.rglob("*") if path.is_file() and path.name != _NEVER_PUSHED]
        files |= {f"{place}/{path.relative_to(staged).as_posix()}": path for path in paths}
    return files


def _name_the_best_checkpoint(state_file: Path) -> None:
    state = json.loads(state_file.read_text(encoding="utf-8"))
    if state["best_model_checkpoint"] is not None:
        state["best_model_checkpoint"] = Path(state["best_model_checkpoint"]).name
        write_json(state_file, state)  # a new file: the old one is the checkpoint's own


def _push_staged(push: Callable[..., CommitInfo], staged: Path, files: dict[str, Path]) -> CommitInfo | None:
    try:
        check_files(staged, [file for file, path in files.items() if path == staged / file])
        return push(files)
    except (OSError, ValueError) as error:
        logger.warning("a checkpoint was not pushed, training goes on: %s", error)
        return None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _repository_name(trainer: Trainer) -> str:
    return trainer.hub_model_id or trainer.args.hub_model_id or output_folder(trainer.args).absolute().name
