"""Ordinal log-loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from blv_trainer.losses.base import ImbalanceLoss, log_odds


class OrdinalLogLoss(ImbalanceLoss):
    """Punishes probability put on wrong classes, the more so the farther they are from the label.

        loss = -sum_k |k - label|^alpha log(1 - p_k),  p = softmax(logits)

    Classes are levels in ordinal order, one step apart. With two classes it is cross-entropy, whatever alpha. Training
    adds nothing to the logits; class counts play no part.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        alpha: exponent of the distance, above 0; the source finds 1.5 best on average.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1): the loss is then the mean over
            that target of what each class would cost.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``distance``: ``(num_classes, num_classes)``, |k - label|^alpha.

    Raises:
        ValueError: ``alpha`` not above 0 or not finite; class counts that cannot be used.

    Differs from the source:
        log(1 - p) is taken from the logits; the released code has log of 1 minus softmax, which is infinite once p
        rounds to 1.

    Reference:
        Castagnos, Mihelich, Dognin: A Simple Log-based Loss Function for Ordinal Text Classification. COLING 2022.

    Examples:
        >>> loss = OrdinalLogLoss([1, 1, 1], alpha=1)
        >>> logits = torch.tensor([[0.0, 5.0, 0.0], [0.0, 0.0, 5.0]])  # one level off, two levels off
        >>> [round(loss(row[None], torch.tensor([0])).item(), 2) for row in logits]
        [4.33, 8.65]
    """

    distance: torch.Tensor
    needs_every_class = False

    def __init__(self, class_counts: Sequence[int] | torch.Tensor, *, alpha: float = 1.5, label_smoothing: float = 0.0):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        if not (alpha > 0 and math.isfinite(alpha)):
            raise ValueError(f"alpha={alpha} cannot be used: give a finite number above 0; the source uses 1.5.")
        self.alpha = alpha
        levels = torch.arange(self.num_classes)
        distance = (levels[:, None] - levels).abs().float() ** alpha
        self.register_buffer("distance", distance, persistent=False)

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Distance-weighted sum over the wrong classes: ``(batch, num_classes)``."""
        not_class = -F.logsigmoid(-log_odds(logits))  # (batch, num_classes), -log(1 - p)
        # A sum of products, not a matrix product: that would be rounded to 10 bits where TF32 is switched on.
        return (not_class.unsqueeze(1) * self.distance).sum(dim=-1)
