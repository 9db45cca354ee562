"""How ``BLVTrainer`` pushes: after training with all checks, and at checkpoints without stopping the training."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import run_as_future as in_background
from transformers.trainer import TRAINER_STATE_NAME, TRAINING_ARGS_NAME
from transformers.trainer_utils import HubStrategy, SaveStrategy
from transformers.utils import PushInProgress

from blv_trainer.arguments import output_folder
from blv_trainer.hub.before_push import check_files
from blv_trainer.hub.card.metadata import as_list
from blv_trainer.hub.commit import hub_client, open_repository, push_files
from blv_trainer.hub.published_files import link, select_files
from blv_trainer.hub.publishing import publish

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from huggingface_hub import CommitInfo
    from transformers import Trainer

logger = logging.getLogger(__name__)


def open_repository_of(trainer: Trainer, *, token: str | None, private: bool | None) -> str:
    """Make the repository of a training run unless it is there, before any time goes into training; its full name."""
    if trainer.processing_class is None and getattr(trainer.data_collator, "tokenizer", None) is None:
        raise ValueError(
            "push_to_hub needs the tokenizer, without which nobody can use the model: give processing_class=tokenizer."
        )
    name = _repository_name(trainer)
    private = trainer.args.hub_private_repo if private is None else private
    with hub_client(name, token or trainer.args.hub_token) as api:
        return open_repository(api, name, private=bool(private)).id


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
    """Save model and card and ``publish`` the output folder: what ``Trainer.push_to_hub`` does, its arguments, too."""
    args = trainer.args
    trainer.callback_handler.on_push_begin(args, trainer.state, trainer.control)
    trainer.save_model(_internal_call=True)  # on all processes: weights may be spread over them
    if not trainer.is_world_process_zero():
        return None
    name = _repository_name(trainer)
    tags = [*as_list(card.get("tags")), *(getattr(trainer.model, "model_tags", None) or [])]
    trainer.create_model_card(**{"model_name": name.split("/")[-1], **card, "tags": tags})
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
    """Push a checkpoint's model in the background, as ``args.hub_strategy`` says; a failure is logged, no more."""
    args = trainer.args
    if not trainer.is_world_process_zero() or args.hub_strategy == HubStrategy.END:
        return
    running = trainer.push_in_progress
    if running is not None and not running.is_done() and not args.hub_always_push:
        return
    trainer.callback_handler.on_push_begin(args, trainer.state, trainer.control)
    # Links keep the files while save_total_limit may remove the checkpoint.
    staged = Path(tempfile.mkdtemp(prefix="_push-", dir=args.output_dir))
    shutil.copytree(checkpoint_folder, staged, copy_function=link, dirs_exist_ok=True)
    places = {HubStrategy.CHECKPOINT: "last-checkpoint", HubStrategy.ALL_CHECKPOINTS: Path(checkpoint_folder).name}
    place = places.get(HubStrategy(args.hub_strategy))
    by_step = args.save_strategy == SaveStrategy.STEPS
    progress = f"step {trainer.state.global_step}" if by_step else f"epoch {int(trainer.state.epoch or 0)}"
    push = partial(
        push_files,
        _repository_name(trainer),
        commit_message=f"Training in progress, {progress}",
        token=args.hub_token,
        revision=args.hub_revision,
    )
    jobs = [*(running.jobs if running is not None else []), in_background(_push_staged, push, staged, place)]
    trainer.push_in_progress = PushInProgress(jobs)  # type: ignore[arg-type, assignment]  # declared a job, None


def _push_staged(push: Callable[..., CommitInfo], staged: Path, place: str | None) -> None:
    """Push the model's files and, where there is a ``place`` for them, all that a resumed run needs."""
    try:
        model = select_files(staged).files
        check_files(staged, model)
        files: dict[str, Path | bytes] = {file: staged / file for file in model}
        if place is not None:
            paths = [path for path in staged.rglob("*") if path.is_file() and path.name != TRAINING_ARGS_NAME]
            files |= {f"{place}/{path.relative_to(staged).as_posix()}": path for path in paths}
            files[f"{place}/{TRAINER_STATE_NAME}"] = _shown_state(staged / TRAINER_STATE_NAME)
        push(files)
    except (OSError, ValueError) as error:
        logger.warning("a checkpoint was not pushed, training goes on: %s", error)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _shown_state(path: Path) -> bytes:
    """The trainer's state, with the best checkpoint's name in place of its path."""
    state = json.loads(path.read_text(encoding="utf-8"))
    if state["best_model_checkpoint"] is not None:
        state["best_model_checkpoint"] = Path(state["best_model_checkpoint"]).name
    return (json.dumps(state, indent=2) + "\n").encode()


def _repository_name(trainer: Trainer) -> str:
    return trainer.hub_model_id or trainer.args.hub_model_id or output_folder(trainer.args).absolute().name
