"""Logit adjustment; with tau 1, balanced softmax."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from blv_trainer.losses.base import ImbalanceLoss


class LogitAdjustmentLoss(ImbalanceLoss):
    """Cross-entropy of logits to which training adds the log prior, so that the model need not learn it.

        adjusted_k = logits_k + tau log(q_k / N)
        loss = -log softmax(adjusted)[label]        (Eq. 10)

    with q_k = class_counts[k] and N their sum. Evaluation and inference use the raw logits. With tau 1 their largest
    is the decision for which all classes count the same (the best macro accuracy); the log prior added back, as
    ``decision.consistent`` does, it is that for which all examples do (the best accuracy).

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        tau: strength, 0 or more, without unit; 0 is cross-entropy, 1 is balanced softmax.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``log_prior``, ``expected_shift()``: ``(num_classes,)``.

    Raises:
        ValueError: ``tau`` below 0 or not finite; a class without a training example, or class counts that cannot be
            used.

    Reference:
        Menon et al.: Long-tail Learning via Logit Adjustment. ICLR 2021, Eq. 10.
        Ren et al.: Balanced Meta-Softmax for Long-Tailed Visual Recognition. NeurIPS 2020 (tau 1).

    Examples:
        >>> loss = LogitAdjustmentLoss([90, 10])
        >>> logits, labels = torch.zeros(1, 2, requires_grad=True), torch.tensor([1])
        >>> round(loss(logits, labels).item(), 4), round(loss.eval()(logits, labels).item(), 4)  # -log 0.1, -log 0.5
        (2.3026, 0.6931)
    """

    log_prior: torch.Tensor

    def __init__(self, class_counts: Sequence[int] | torch.Tensor, *, tau: float = 1.0, label_smoothing: float = 0.0):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        if not (tau >= 0 and math.isfinite(tau)):
            raise ValueError(f"tau={tau} cannot be used: give a finite number from 0 up; 1 is balanced softmax.")
        self.tau = tau
        counts = self.class_counts.double()
        self.register_buffer("log_prior", torch.log(counts / counts.sum()).float(), persistent=False)

    def adjust_logits(self, logits: torch.Tensor) -> torch.Tensor:
        """Add ``tau log_prior``."""
        return logits + self.tau * self.log_prior

    def expected_shift(self) -> torch.Tensor:
        """``tau log_prior``, ``(num_classes,)``: what training adds, always the same."""
        return self.tau * self.log_prior
