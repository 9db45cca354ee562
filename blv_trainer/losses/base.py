"""What every loss shares: the call, the reduction, label smoothing, the checks."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from blv_trainer.checks import IGNORE_INDEX, check_labels, check_logits_and_labels, whole_counts


@dataclass(frozen=True)
class TrainingStep:
    """Where training stands when a loss is called; ``BLVTrainer`` sets ``loss.step`` to it.

    Args:
        seed: the run's seed.
        index: optimisation steps finished so far.
        max_steps: optimisation steps of the whole run.
        first_row: position of this micro-batch's first row in the step's whole batch, over all micro-batches and
            processes.
    """

    seed: int
    index: int
    max_steps: int
    first_row: int = 0


class ImbalanceLoss(nn.Module):
    """Base of all losses: ``loss(logits, labels, num_items_in_batch=None) -> scalar``.

    The mean over the items that have a label:

        loss = sum_i class_losses(adjust_logits(logits))[i, labels[i]] / num_items_in_batch

    A subclass says how training changes the logits (``adjust_logits``), what each class would cost as the label
    (``class_losses``), or both. Logits are adjusted only while the module is in training mode and gradients are
    recorded, so an evaluation under ``torch.no_grad()`` sees raw logits even where nobody calls ``loss.eval()``, as in
    ``transformers.Trainer(compute_loss_func=loss)``.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).

    Shape:
        - logits: ``(batch, num_classes)``, or a model output that holds them.
        - labels: ``(batch,)``, class indices; ``-100`` is ignored.
        - Output: scalar, float32 (float64 for float64 logits) also under autocast.

    Raises:
        ValueError: class counts, label smoothing, shapes or labels that cannot be used.
        TypeError: the model's output holds no logits.
    """

    class_counts: torch.Tensor
    needs_every_class = True  # whether a class without a single training example makes the loss undefined

    def __init__(self, class_counts: Sequence[int] | torch.Tensor, *, label_smoothing: float = 0.0):
        super().__init__()
        self.register_buffer("class_counts", self._checked_counts(class_counts), persistent=False)
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing={label_smoothing} cannot be used: give a number from 0 up to, not including, 1."
            )
        self.label_smoothing = label_smoothing
        self.step: TrainingStep | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_counts)

    @property
    def options(self) -> dict[str, Any]:
        """The loss's own settings, as they stand in a checkpoint's config."""
        names = list(inspect.signature(type(self)).parameters)[1:]
        return {name: getattr(self, name) for name in names}

    def adjust_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits as training sees them: ``(batch, num_classes)`` in and out."""
        return logits

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """What each class would cost if it were the label: ``(batch, num_classes)``; here cross-entropy."""
        return -logits.log_softmax(dim=-1)

    def expected_shift(self) -> torch.Tensor:
        """Mean of what training adds to the logits, ``(num_classes,)``; a decision consistent with it adds it back."""
        return torch.zeros(self.num_classes)

    def forward(
        self,
        logits: torch.Tensor | Any,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Mean loss over ``num_items_in_batch`` items (default: the labelled items of this batch)."""
        logits = logits_of(logits)
        self._check(logits, labels)
        if self.class_counts.device != logits.device:
            self.to(logits.device)
        with torch.autocast(logits.device.type, enabled=False):
            if logits.dtype != torch.float64:
                logits = logits.float()
            if self.training and torch.is_grad_enabled():
                logits = self.adjust_logits(logits)
            total = self._item_losses(logits, labels).sum()
        if num_items_in_batch is None:
            num_items_in_batch = (labels != IGNORE_INDEX).sum()
        return total / (num_items_in_batch + (num_items_in_batch == 0))  # without any item: 0, not 0 / 0

    def _item_losses(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        class_losses = self.class_losses(logits)  # (batch, num_classes)
        ignored = labels == IGNORE_INDEX
        item_losses = class_losses.gather(1, labels.masked_fill(ignored, 0).unsqueeze(1)).squeeze(1)  # (batch,)
        if self.label_smoothing:
            item_losses = (1 - self.label_smoothing) * item_losses + self.label_smoothing * class_losses.mean(dim=1)
        return item_losses.masked_fill(ignored, 0.0)

    def _checked_counts(self, class_counts: Sequence[int] | torch.Tensor) -> torch.Tensor:
        counts = whole_counts(class_counts)
        if sum(count > 0 for count in counts) < 2:
            what = "all training labels are equal" if any(counts) else "no training row has a label"
            raise ValueError(f"class_counts={counts}: {what}; a classifier needs examples of at least two classes.")
        if self.needs_every_class and 0 in counts:
            empty = [str(k) for k, count in enumerate(counts) if count == 0]
            raise ValueError(
                f"class_counts={counts}: class {', '.join(empty)} has no training example, so {type(self).__name__} is "
                "undefined; drop the class from the label order or add examples."
            )
        return torch.tensor(counts)

    def _check(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        check_logits_and_labels(logits, labels, self.num_classes)
        # On an accelerator this look would wait for the device at every step; BLVTrainer has checked the labels before.
        if labels.device.type == "cpu":
            check_labels(labels, self.num_classes)


def logits_of(outputs: Any) -> torch.Tensor:
    """The logits in a model's output.

    Args:
        outputs: the logits themselves, a dictionary that holds ``logits``, or a tuple whose first element they are.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(outputs, torch.Tensor):
        return outputs
    if isinstance(outputs, dict) and "logits" in outputs:
        return outputs["logits"]
    if isinstance(outputs, (tuple, list)) and outputs and isinstance(outputs[0], torch.Tensor):
        return outputs[0]
    found = f"an output with {', '.join(outputs)}" if isinstance(outputs, dict) else f"a {type(outputs).__name__}"
    raise TypeError(
        f"the model gave {found} and no logits: use a model with a classification head, "
        "such as AutoModelForSequenceClassification."
    )


def log_odds(logits: torch.Tensor) -> torch.Tensor:
    """The log-odds of each class against all others, log(p / (1 - p)), p = softmax(logits): ``(batch, num_classes)``.

    Taken from the logits, not from p: near p = 1 rounding makes 1 - p zero, and its logarithm and gradient infinite.
    """
    itself = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
    others = logits.unsqueeze(-2).masked_fill(itself, -torch.inf)  # (batch, num_classes, num_classes)
    return logits - others.logsumexp(dim=-1)
