"""What an evaluation says: of each class, for ``BLVTrainer``; and all in a line, for the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F
from transformers import PrinterCallback, ProgressCallback, Trainer, TrainerCallback

from blv_trainer.arguments import metric_of_ours
from blv_trainer.checks import IGNORE_INDEX, check_labels, check_logits_and_labels
from blv_trainer.evaluation import confusion_matrix

logger = logging.getLogger(__name__)

_SHOWN = ("accuracy", "macro_accuracy", "qwk", "macro_rmse")  # beside that by which the best checkpoint is found


def class_names(model: Any, num_classes: int) -> list[str]:
    """What a model calls its classes; their indices where it does not say."""
    id2label = getattr(getattr(model, "config", None), "id2label", None) or {}
    return [str(id2label.get(k, k)) for k in range(num_classes)]


class EvaluationByClass:
    """Keeps three numbers a row while ``Trainer`` evaluates, from raw logits, whatever becomes of these afterwards."""

    def __init__(self) -> None:
        self.added_metrics: set[str] = set()  # names of the metrics that are not the user's
        self._warned: set[int] = set()
        self._num_classes = 0
        # Labels, predicted classes and losses of the evaluation at hand, batch by batch, all processes together.
        self._batches: list[tuple[torch.Tensor, ...]] | None = None

    def begin(self) -> None:
        """From here on batches belong to one evaluation."""
        self._batches = []

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, *, gather: Callable[[Any], Any]) -> torch.Tensor:
        """Mean cross-entropy of the labelled rows of a batch; ``gather`` brings those of all processes together."""
        check_logits_and_labels(logits, labels)
        self._num_classes = logits.shape[1]
        check_labels(labels, self._num_classes)
        losses = F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORE_INDEX, reduction="none")  # (batch,)
        if self._batches is not None:
            self._batches.append(gather((labels, logits.argmax(dim=-1), losses)))
        return losses.sum() / (labels != IGNORE_INDEX).sum()

    def end(self, trainer: Trainer, metrics: dict[str, float], *, prefix: str) -> None:
        """Add ``recall_<class>``, ``predicted_<class>`` and the mean loss to an evaluation's metrics."""
        batches, self._batches = self._batches, None
        if not batches:
            return
        labels, predicted, _ = (torch.cat(column).cpu() for column in zip(*batches, strict=True))  # (rows,) each
        labelled = labels != IGNORE_INDEX
        labels, predicted = labels[labelled], predicted[labelled]
        if not len(labels):
            return
        names = class_names(trainer.model, self._num_classes)
        confusion = confusion_matrix(labels, predicted, self._num_classes)
        right, support, histogram = (of.tolist() for of in (confusion.diagonal(), confusion.sum(1), confusion.sum(0)))
        found = {f"{prefix}_recall_{name}": right[k] / support[k] for k, name in enumerate(names) if support[k]}
        found |= {f"{prefix}_predicted_{name}": histogram[k] for k, name in enumerate(names)}
        new = found.keys() - metrics.keys()  # compute_metrics may have a recall of its own
        metrics.update({key: value for key, value in found.items() if key in new})
        self.added_metrics |= new
        # Trainer's mean weighs micro-batches alike, whatever the share of duplicates and ignored rows in them.
        metrics[f"{prefix}_loss"] = sum(losses.sum().item() for _, _, losses in batches) / len(labels)
        missed = [k for k in range(len(names)) if support[k] and not histogram[k] and k not in self._warned]
        self._warned.update(missed)
        if missed and trainer.is_world_process_zero():
            logger.warning(
                "never predicted in %d rows at step %d: %s. Each evaluation logs eval_predicted_<class>; if it stays "
                "0, train longer, raise the learning rate or try another loss.",
                len(labels),
                trainer.state.global_step,
                ", ".join(f"{names[k]!r} (the label of {support[k]} rows)" for k in missed),
            )


class _PlainBar(ProgressCallback):
    """The bar, without the dictionaries that Trainer logs."""

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        pass


class EvaluationLines(TrainerCallback):
    """Logs a line of each evaluation on the way, in place of what Trainer prints.

    Args:
        trainer: whose own printing is taken away; a progress bar stays.
        quiet: log no lines either.
    """

    def __init__(self, trainer: Trainer, *, quiet: bool = False):
        self._quiet = quiet
        trainer.remove_callback(PrinterCallback)
        if trainer.pop_callback(ProgressCallback) is not None:
            trainer.add_callback(_PlainBar)
        trainer.add_callback(self)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """How far training is, the losses, and the metrics that most look at."""
        if self._quiet or not state.is_world_process_zero:
            return
        training = [f"training loss {log['loss']:.4f}" for log in state.log_history if "loss" in log][-1:]
        chosen = (args.metric_for_best_model or "").removeprefix("eval_")
        names = dict.fromkeys([*([chosen] if metric_of_ours(chosen) else []), *_SHOWN])
        values = [
            f"{name} {metric.format(metrics[f'eval_{name}'])}{' %' * metric.percent}"
            for name in names
            if f"eval_{name}" in metrics and (metric := metric_of_ours(name))
        ]
        logger.info(
            "epoch %.3g of %g, step %d of %d: %s",
            *(state.epoch or 0, state.num_train_epochs, state.global_step, state.max_steps),
            ", ".join([*training, f"validation loss {metrics['eval_loss']:.4f}", *values]),
        )
