"""Lets a run that was stopped at any step go on exactly as it would have gone on by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import IntervalStrategy


class EpochStart(TrainerCallback):
    """Keeps the state of torch's random numbers from which the order of the epoch at hand was drawn.

    ``Trainer`` restores the state of the step at which it goes on. Two things happened outside of steps:

    - A sampler that draws from torch's own random numbers, as that of ``train_sampling_strategy="group_by_length"``,
      drew when the epoch began: that state is kept beside the other.
    - An evaluation at the end of an epoch draws too, after a checkpoint of the epoch's last step was saved: such a
      checkpoint waits for the evaluation, which is then in its history as well.
    """

    def __init__(self) -> None:
        self._state: torch.Tensor | None = None  # of the epoch at hand
        self._next: torch.Tensor | None = None  # of the epoch that training goes on in
        self._put_off = False  # whether a checkpoint waits for the end of the epoch

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

    def save(self, checkpoint: Path, state: TrainerState, process_index: int) -> None:
        """Write the state into a checkpoint: that from which the order of the next rows was drawn, or will be."""
        checkpoint.mkdir(parents=True, exist_ok=True)
        rng_state = torch.get_rng_state() if _is_between_epochs(state) else self._state
        torch.save(rng_state, checkpoint / _file_name(process_index))

    def load(self, checkpoint: str | Path | None, process_index: int) -> None:
        """Read the state from a checkpoint, for the next epoch that begins; plain ``Trainer``'s have none."""
        path = Path(checkpoint, _file_name(process_index)) if checkpoint else None
        self._next = torch.load(path, weights_only=True) if path and path.is_file() else None


def _is_between_epochs(state: TrainerState) -> bool:
    return state.epoch is not None and state.epoch == int(state.epoch)


def _file_name(process_index: int) -> str:
    return f"epoch_start_{process_index}.pth"
