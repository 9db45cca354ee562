"""How far work is and about how long it still takes: a line of the log where ten seconds went by without one."""

from __future__ import annotations

import copy
import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any

import numpy as np
from datasets import DatasetDict
from transformers import PrinterCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments
from blv_trainer.experiments.single_run import text_learner
from blv_trainer.prediction import predict_logits
from blv_trainer.training import count_classes

logger = logging.getLogger(__name__)

_EVERY = 10.0  # seconds
_LATER, _EVERY_LATER = 600.0, 60.0  # seconds: after ten minutes, a line a minute is enough
_LONG, _LARGE = 3600.0, 50_000_000  # seconds; weights: who waits longer is told what would make it shorter
_SECONDS, _STEPS, _ROWS_OF_FROZEN = 10.0, 8, 8  # to find out what a step takes, of a frozen encoder of so many rows


def in_words(seconds: float) -> str:
    """A duration as people say it, such as ``41 s``, ``3 min``, ``2.5 h``, ``2.3 days``.

    Args:
        seconds: how long it is.
    """
    for unit, length, most in (("s", 1, 100), ("min", 60, 6000), ("h", 3600, 48 * 3600)):
        if seconds < most:
            return f"{seconds / length:.{int(unit == 'h')}f} {unit}"
    return f"{seconds / 86400:.1f} days"


class Progress:
    """Counts what is done of ``total`` and says so where it is time to; once, if that is long, what is shorter."""

    def __init__(self, what: str, total: float, unit: str, *, shorter: str = "") -> None:
        self._what, self._total, self._unit, self._shorter = what, total, unit, shorter
        self._done, self._start = 0.0, time.monotonic()
        self._said = self._start

    def add(self, count: float = 1, *, has_bar: bool = False) -> None:
        """So many more are done, beside a bar or not."""
        self._done += count
        now = time.monotonic()
        if now - self._said < (_EVERY if now - self._start < _LATER else _EVERY_LATER):
            return
        self._said = now
        left = (now - self._start) / self._done * (self._total - self._done)
        hint, self._shorter = (self._shorter, "") if left > _LONG else ("", self._shorter)
        if hint or not has_bar:
            of = f"{self._done:g} of {self._total:g} {self._unit}"
            logger.info("%s: %s, about %s left%s", self._what, of, in_words(left), hint)


def predict_with_time_left(what: str, *args: Any, **kwargs: Any) -> tuple[np.ndarray, list[int]]:
    """What ``predict_logits`` gives, and how many tokens each text has, uncut, in no order; says how far it is.

    Args:
        what: it is, as a line begins.
        *args: as ``predict_logits`` has them: model, tokenizer, texts.
        **kwargs: as ``predict_logits`` has them.
    """
    progress, lengths = Progress(what, len(args[2]), "rows"), list[int]()

    def on_batch(of_batch: list[int]) -> None:
        lengths.extend(of_batch)
        progress.add(len(of_batch))

    return predict_logits(*args, on_batch=on_batch, **kwargs), lengths


@contextmanager
def still_at(what: str, rows: Sized = ()) -> Iterator[None]:
    """Says every ten seconds that something goes on, where nothing tells how much of it is left.

    Args:
        what: it is, as a line begins.
        rows: grows by one with each row that is done, where rows are counted.
    """
    done, start = threading.Event(), time.monotonic()

    def say() -> None:
        while not done.wait(_EVERY):
            counted = f"{len(rows):,} rows, " if rows else ""
            logger.info("%s: %s%s so far", what, counted, in_words(time.monotonic() - start))

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


class TimeLeft(TrainerCallback):
    """Says how far a training and its evaluations are, where no bar does."""

    def __init__(self, shorter: str) -> None:
        self._shorter, self._judged = shorter, None
        self._training = self._evaluation = Progress("", 0, "")

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Steps count from here; of a resumed run, from where it goes on."""
        self._training = Progress("training", state.max_steps - state.global_step, "steps", shorter=self._shorter)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One more step."""
        if state.is_world_process_zero:
            self._training.add(has_bar=not args.disable_tqdm)

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """One more batch of an evaluation or a prediction."""
        rows = kwargs["eval_dataloader"]
        if self._judged is not rows:
            self._judged, self._evaluation = rows, Progress("evaluation", len(rows), "batches")
        if state.is_world_process_zero:
            self._evaluation.add(has_bar=not args.disable_tqdm)


def with_time_left(learn: Callable[..., Any]) -> Callable[..., Any]:
    """What makes a ``Learner``, whose trainer then says how far it is."""

    def learn_and_say(*args: Any, **kwargs: Any) -> Any:
        learner = learn(*args, **kwargs)
        is_large = sum(weights.numel() for weights in learner.trainer.model.parameters()) > _LARGE
        shorter = "--preset quick, a small encoder, takes far less" if is_large else "--freeze_encoder takes minutes"
        learner.trainer.add_callback(TimeLeft(f"; {shorter}"))
        return learner

    return learn_and_say


class _Clock(TrainerCallback):
    """The seconds of each step; training ends where they are enough."""

    def __init__(self) -> None:
        self.seconds, self._start = list[float](), 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The clock starts."""
        self._start = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """It stops."""
        self.seconds.append(time.monotonic() - self._start)
        control.should_training_stop = len(self.seconds) > 1 and sum(self.seconds) > _SECONDS


def expected_work(
    dataset: DatasetDict,
    names: Sequence[str],
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    *,
    freeze_encoder: bool = False,
) -> str:
    """How long a training and its evaluations take here, and by how many of its steps that is known, in words.

    Args:
        dataset: "train", and "validation" as far as there is one, with columns ``text`` and ``label``.
        names: the labels, lowest first.
        model_args: which model; that of these steps is thrown away.
        training_args: how it is trained.
        freeze_encoder: whether the head alone is trained, for which the encoder reads each row once.

    Raises:
        FileNotFoundError: there is no such encoder.
        ValueError: what the trainer refuses.
    """
    args, clock = copy.copy(training_args), _Clock()
    args.save_strategy = args.eval_strategy = "no"
    args.disable_tqdm, args.load_best_model_at_end, args.max_steps = True, False, _STEPS
    args.early_stopping_patience, args.dataloader_pin_memory = None, False
    if freeze_encoder:
        args.per_device_train_batch_size, args.gradient_accumulation_steps = _ROWS_OF_FROZEN, 1
    rows_of_step = args.train_batch_size * args.gradient_accumulation_steps
    train = dataset["train"].shuffle(seed=0)
    some = DatasetDict(train=train.select(range(min(len(train), _STEPS * rows_of_step))))
    with tempfile.TemporaryDirectory() as args.output_dir:
        counts = count_classes(train, len(names))
        trainer = text_learner(some, names, model_args, args, class_counts=counts).trainer
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(clock)
        trainer.train()
    per_row = statistics.median(clock.seconds) / rows_of_step
    epochs = training_args.num_train_epochs
    trained = training_args.max_steps * rows_of_step if training_args.max_steps > 0 else epochs * len(train)
    judged = (epochs + 1) * sum(len(rows) for split, rows in dataset.items() if split != "train")
    if freeze_encoder:
        trained, judged = 0, sum(map(len, dataset.values()))
    seconds = per_row * (trained + judged / 3)  # without its way back, a step takes a third
    return f"about {in_words(seconds)} here, going by {len(clock.seconds)} of its steps"
