"""Checkpoints from which training goes on exactly: written whole, with finite weights and all random states."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import CallbackHandler
from transformers.trainer_utils import IntervalStrategy, TrainOutput, sort_checkpoints

from blv_trainer.arguments import output_folder
from blv_trainer.files import sync, write_errors, write_json

logger = logging.getLogger(__name__)

_WHOLE_FILE = "checkpoint_whole.json"  # written last


def is_whole(checkpoint: str | Path, *, num_processes: int = 1) -> bool:
    """Whether so many processes wrote the checkpoint to its end, with all that training goes on from."""
    path = Path(checkpoint, _WHOLE_FILE)
    return path.is_file() and json.loads(path.read_text(encoding="utf-8")) == {"num_processes": num_processes}


def last_whole_checkpoint(folder: str | Path, *, num_processes: int = 1) -> Path | None:
    """The newest checkpoint by step that was written to its end; the log names those passed over.

    Args:
        folder: of the run.
        num_processes: that will go on from it; each needs the state of its random numbers.

    Returns:
        The checkpoint; None where there is no whole one.
    """
    for path in reversed(_checkpoints(folder)):
        if is_whole(path, num_processes=num_processes):
            return path
        logger.warning("%s is passed over: %d process(es) did not write it to its end.", path, num_processes)
    return None


def check_finite(trainer: Trainer, loss: torch.Tensor | None = None) -> None:
    """Raise a FloatingPointError if the loss of the step at hand or, where none is given, a weight is not finite."""
    state, args = trainer.state, trainer.args
    # Trainer clips a gradient that is not finite to nan and steps. Where no loss follows, the weights have to tell.
    if loss is None:
        # All of them are looked at: where weights are spread over processes, each must look as often as the others.
        finite = [bool(torch.isfinite(weight).all()) for weight in cast(nn.Module, trainer.model).parameters()]
        what = f"weights are not finite after step {state.global_step}, so training stops: the loss was finite, its "
        what += "gradient was not"
    else:
        finite = [bool(torch.isfinite(loss))]
        what = f"the loss is {loss.item()} at step {state.global_step + 1} of {state.max_steps}, so training stops"
    if not all(finite):
        found = last_whole_checkpoint(output_folder(args), num_processes=args.world_size)  # its weights were finite
        good = f"The last good checkpoint is {found}" if found else "There is no good checkpoint to go on from"
        cure = "Try a lower learning rate, more warm-up steps, or bf16 or float32 in place of fp16"
        raise FloatingPointError(f"{what}. {good}. {cure}.")


def has_stalled(args: TrainingArguments, state: TrainerState) -> bool:
    """Whether for ``early_stopping_patience`` evaluations neither metric nor loss were better; as whole when resumed.

    ``transformers.EarlyStoppingCallback`` counts anew there, and ends a run whose QWK is still 0 while it learns.
    """
    patience = getattr(args, "early_stopping_patience", None) or len(state.log_history)
    evaluations = [log for log in state.log_history if "eval_loss" in log]
    before, recent = evaluations[:-patience], evaluations[-patience:]
    if not before or recent[0]["step"] <= (state.best_global_step or 0):
        return False
    least = min(log["eval_loss"] for log in before)
    return all(log["eval_loss"] >= least for log in recent)


class NothingLeftError(Exception):
    """Training would go on from a checkpoint that has all steps."""


class WholeCheckpoints(TrainerCallback):
    """Saves checkpoints whole or not at all, with all that a resumed run needs to equal the uninterrupted one.

    ``Trainer`` restores the state of torch's random numbers at the step at which it goes on. Two things happen outside
    of steps:

    - A sampler that draws from torch's own random numbers, as that of ``train_sampling_strategy="group_by_length"``,
      draws when the epoch begins: that state is kept beside the other.
    - An evaluation at the end of an epoch draws too, after a checkpoint of the epoch's last step was saved: such a
      checkpoint waits for the evaluation, which is then in its history as well.
    """

    def __init__(self) -> None:
        self._state: torch.Tensor | None = None  # of the epoch at hand
        self._next: torch.Tensor | None = None  # of the epoch that training goes on in
        self._put_off = False  # whether a checkpoint waits for the end of the epoch
        self._resumed = False
        self._callbacks: list[TrainerCallback] = []  # the others

    def listen(self, handler: CallbackHandler) -> None:
        """Hear of all events after everyone else, without standing in the list of callbacks that users inspect."""
        call_event, self._callbacks = handler.call_event, handler.callbacks

        def call_event_and_self(event: str, *args: Any, **kwargs: Any) -> TrainerControl:
            control = call_event(event, *args, **kwargs)
            getattr(self, event)(*args, **kwargs)
            return control

        handler.call_event = call_event_and_self  # type: ignore[method-assign]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Raise where no step is left, also because training stopped early: Trainer would make one more."""
        saved: Any = state.stateful_callbacks or {}  # declared a list
        of_stopper = saved.get("EarlyStoppingCallback")  # a list where there are several
        waited = of_stopper["attributes"]["early_stopping_patience_counter"] if isinstance(of_stopper, dict) else 0
        stoppers = [callback for callback in self._callbacks if isinstance(callback, EarlyStoppingCallback)]
        stopped = any(waited >= stopper.early_stopping_patience for stopper in stoppers)
        if self._resumed and (stopped or has_stalled(args, state) or state.global_step >= state.max_steps):
            raise NothingLeftError

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Remember the state, or go back to that of the epoch's first beginning."""
        if self._next is not None:
            torch.set_rng_state(self._next)
            self._next = None
        self._state = torch.get_rng_state()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Put off a checkpoint of the epoch's last step until the epoch was evaluated."""
        if control.should_save and args.eval_strategy == IntervalStrategy.EPOCH and _is_between_epochs(state):
            control.should_save, self._put_off = False, True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Trainer evaluates after this, and then saves."""
        if self._put_off:
            control.should_save, self._put_off = True, False

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The checkpoint was compared with the best one just before."""
        control.should_training_stop |= has_stalled(args, state)

    @contextlib.contextmanager
    def saving(self, trainer: Trainer, folder: Path) -> Iterator[None]:
        """While ``Trainer`` saves one: older ones go once it is on the disk; of one that fails nothing stays."""
        args, checkpoint = trainer.args, folder / f"checkpoint-{trainer.state.global_step}"
        if args.should_save:
            shutil.rmtree(checkpoint, ignore_errors=True)  # of an earlier attempt
        trainer.accelerator.wait_for_everyone()
        limit, args.save_total_limit = args.save_total_limit, None  # Trainer would drop older ones at once
        try:
            with write_errors(checkpoint):
                checkpoint.mkdir(parents=True, exist_ok=True)
                # That from which the order of the next rows was drawn, or will be.
                rng_state = torch.get_rng_state() if _is_between_epochs(trainer.state) else self._state
                torch.save(rng_state, checkpoint / _file_name(args.process_index))
                yield
                trainer.accelerator.wait_for_everyone()  # each process writes the state of its random numbers
                if args.should_save:
                    for path in [*checkpoint.rglob("*"), checkpoint, folder]:
                        sync(path)
                    if not args.save_only_model:
                        write_json(checkpoint / _WHOLE_FILE, {"num_processes": args.world_size})
        except OSError:
            if args.should_save:
                shutil.rmtree(checkpoint, ignore_errors=True)
            raise
        finally:
            args.save_total_limit = limit
        if args.should_save and limit:
            _drop_older(checkpoint, limit, best=trainer.state.best_model_checkpoint)

    def resume(self, args: TrainingArguments, checkpoint: str | bool | None) -> str | None:
        """The checkpoint to go on from, where True is the last whole one; its epoch begins as it did before."""
        if checkpoint is True:
            folder = output_folder(args)
            found = last_whole_checkpoint(folder, num_processes=args.world_size)
            if found is None:
                raise ValueError(  # begins in Trainer's words, for which callers look
                    f"No valid checkpoint found in output directory ({folder}): none was written to its end by "
                    f"BLVTrainer in {args.world_size} process(es), with the optimizer's state, which save_only_model "
                    "leaves out. Name one by its path, or start anew."
                )
            checkpoint = str(found)
        path = Path(checkpoint, _file_name(args.process_index)) if checkpoint else None
        self._resumed = bool(checkpoint)
        # Plain Trainer's have none.
        self._next = torch.load(path, weights_only=True) if path and path.is_file() else None
        return checkpoint or None


def trained_before(trainer: Trainer) -> TrainOutput:
    """The end of a training that made no step; the loss is nan."""
    if trainer.args.load_best_model_at_end and trainer.state.best_model_checkpoint is not None:
        trainer._load_best_model()
    trainer.control = trainer.callback_handler.on_train_end(trainer.args, trainer.state, trainer.control)
    trainer.is_in_train = False
    known = {"total_flos": trainer.state.total_flos, "epoch": trainer.state.epoch or 0.0}
    return TrainOutput(trainer.state.global_step, math.nan, known)


def _is_between_epochs(state: TrainerState) -> bool:
    return state.epoch is not None and state.epoch == int(state.epoch)


def _file_name(process_index: int) -> str:
    return f"epoch_start_{process_index}.pth"


def _checkpoints(folder: str | Path) -> list[Path]:
    """The oldest first; no checkpoint-10-mine, which somebody copied and transformers takes for one."""
    return [path for path in map(Path, sort_checkpoints(str(folder))) if path.name.split("-", 1)[1].isdecimal()]


def _drop_older(checkpoint: Path, limit: int, *, best: str | None) -> None:
    """Keep ``limit`` checkpoints, this one and the best among them."""
    found = _checkpoints(checkpoint.parent)
    kept = {checkpoint, *([Path(best)] if best else [])}
    # Later steps than this one are of an earlier attempt, so they count as older than any of this one.
    place = found.index(checkpoint)
    droppable = [path for path in found[place:] + found[:place] if path not in kept]
    for path in droppable[: max(0, len(found) - max(limit, len(kept)))]:
        shutil.rmtree(path, ignore_errors=True)
