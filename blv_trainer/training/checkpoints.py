"""Checkpoints that training can go on from: which are whole, and how one is saved so that it is."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from transformers import Trainer, TrainingArguments

from blv_trainer.arguments import output_folder
from blv_trainer.files import sync, write_errors

logger = logging.getLogger(__name__)

_NAME = re.compile(r"checkpoint-(\d+)")
_WEIGHTS = ("*.safetensors", "pytorch_model*", "adapter_model*", "*/adapter_model*", "global_step*")
_OPTIMIZER = ("optimizer*", "global_step*")  # the second is DeepSpeed's


def checkpoints(folder: str | Path) -> dict[int, Path]:
    """The checkpoints in a folder by their step, the oldest first, whole or not."""
    found = {int(match[1]): path for path in Path(folder).glob("checkpoint-*") if (match := _NAME.fullmatch(path.name))}
    return dict(sorted(found.items()))


def last_whole_checkpoint(folder: str | Path, *, num_processes: int = 1) -> Path | None:
    """The newest checkpoint by step that was written to its end; the log names those passed over, and why.

    Args:
        folder: of the run.
        num_processes: that will go on from it; each needs the state of its random numbers.

    Returns:
        The checkpoint; None where there is no whole one.
    """
    for path in reversed(checkpoints(folder).values()):
        fault = fault_of(path, num_processes=num_processes)
        if fault is None:
            return path
        logger.warning("%s is passed over: %s.", path, fault)
    return None


def newest_checkpoint(args: TrainingArguments) -> Path:
    """What ``resume_from_checkpoint=True`` stands for.

    Raises:
        ValueError: no checkpoint in the output folder is whole.
    """
    folder = output_folder(args)
    found = last_whole_checkpoint(folder, num_processes=args.world_size)
    if found is None:
        faults = [
            f"{path.name}: {fault_of(path, num_processes=args.world_size)}" for path in checkpoints(folder).values()
        ]
        raise ValueError(
            f"no checkpoint in {folder} can be gone on from ({'; '.join(faults) or 'there is none'}): name "
            "one by its path, or start anew."
        )
    return found


def fault_of(checkpoint: str | Path, *, num_processes: int = 1) -> str | None:
    """What keeps training from going on from a checkpoint exactly, in words; None where it is whole."""
    checkpoint = Path(checkpoint)
    try:  # Trainer writes this file last
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
    except FileNotFoundError:
        return "trainer_state.json is missing, so it was not written to its end"
    except (OSError, ValueError, KeyError, TypeError):
        return "trainer_state.json is damaged"
    random_states = (
        [f"rng_state_{rank}.pth" for rank in range(num_processes)] if num_processes > 1 else ["rng_state.pth"]
    )
    for what, patterns in {"weights": _WEIGHTS, "optimizer": _OPTIMIZER, "random numbers": random_states}.items():
        if not any(any(checkpoint.glob(pattern)) for pattern in patterns):
            return f"it holds no state of the {what}" if what != "weights" else "it holds no weights"
    missing = [name for name in random_states if not (checkpoint / name).is_file()]
    if missing:
        return f"{missing[0]} is missing"
    torn = [path.name for path in sorted(checkpoint.rglob("*")) if path.is_file() and not _is_readable(path)]
    return f"{torn[0]} is damaged" if torn else None


@contextlib.contextmanager
def saved_whole(trainer: Trainer, folder: Path) -> Iterator[Path]:
    """While ``Trainer`` saves a checkpoint: the older ones go when the new one is on the disk, and not before.

    ``Trainer`` by itself drops the checkpoints with the oldest times before the new one is flushed. Where the clock was
    set back meanwhile, the new one has the oldest time.

    Args:
        trainer: that saves.
        folder: of the run.

    Yields:
        The checkpoint's folder.

    Raises:
        OSError: it could not be written; nothing of it is left, older checkpoints are.
    """
    args, step = trainer.args, trainer.state.global_step
    checkpoint = folder / f"checkpoint-{step}"
    if args.should_save:
        shutil.rmtree(checkpoint, ignore_errors=True)  # of an earlier attempt
    trainer.accelerator.wait_for_everyone()
    limit, args.save_total_limit = args.save_total_limit, None
    try:
        with write_errors(checkpoint):
            yield checkpoint
            args.save_total_limit = limit
            trainer.accelerator.wait_for_everyone()  # each process writes the state of its random numbers
            if args.should_save:
                torch.save(args, checkpoint / "training_args.bin")  # with the limit as it was given
                for path in [*checkpoint.rglob("*"), checkpoint, folder]:
                    sync(path)
    except OSError:
        if args.should_save:
            shutil.rmtree(checkpoint, ignore_errors=True)
        raise
    finally:
        args.save_total_limit = limit
    if args.should_save and limit:
        _drop_older(folder, step, limit, best=trainer.state.best_model_checkpoint)


def _drop_older(folder: Path, step: int, limit: int, *, best: str | None) -> None:
    """Keep ``limit`` checkpoints, that of ``step`` and the best among them."""
    found = checkpoints(folder)
    kept = {found[step], *([Path(best)] if best else [])}
    # Later steps than this one are of an earlier attempt, so they count as older than any of this one.
    oldest_first = sorted(found, key=lambda other: (other <= step, other))
    droppable = [found[other] for other in oldest_first if found[other] not in kept]
    for path in droppable[: max(0, len(found) - max(limit, len(kept)))]:
        shutil.rmtree(path, ignore_errors=True)


def _is_readable(path: Path) -> bool:
    """Whether a file of weights or states has its end; one cut short has not."""
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt"):
                return True
        except (SafetensorError, OSError):
            return False
    if path.suffix in (".pt", ".pth", ".bin"):
        return zipfile.is_zipfile(path)  # its directory stands at its end
    return path.suffix != ".json" or _is_json(path)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
