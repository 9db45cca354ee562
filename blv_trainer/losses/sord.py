"""Soft ordinal labels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from blv_trainer.losses.base import ImbalanceLoss


class SORDLoss(ImbalanceLoss):
    """Cross-entropy with a soft target, which falls off with the distance from the label.

        target = softmax over k of -scale |k - label|^power
        loss = -sum_k target_k log softmax(logits)[k]

    Classes are levels in ordinal order, one step apart. Training adds nothing to the logits; class counts play no part.

    The best prediction is the mean target of the labels that a row may have: their true distribution, spread over the
    levels around. So probabilities come out wider than calibrated ones, a level may win over both its neighbours though
    each has more labels, and at both ends the expected level is drawn inwards. No prediction costs 0: the least is the
    entropy of the target.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        scale: how fast the target falls off, above 0, in 1 / levels^power; the source has 1. With 1 and power 2 the
            label keeps 56 % between other levels, 72 % at an end, and each neighbour has 37 % of what the label has;
            from 10 on it is all but cross-entropy.
        power: exponent of the distance, above 0; 2 is the source's squared difference. 1 gives far levels more;
            towards 0 all wrong levels become the same, which is label smoothing.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1), on top of the above.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``targets``: ``(num_classes, num_classes)``, one row for each label.

    Raises:
        ValueError: ``scale`` or ``power`` not above 0 or not finite; class counts that cannot be used.

    Reference:
        Diaz, Marathe: Soft Labels for Ordinal Regression. CVPR 2019.

    Examples:
        >>> [round(share, 2) for share in SORDLoss([1, 1, 1, 1]).targets[1].tolist()]  # label 1
        [0.21, 0.57, 0.21, 0.01]
    """

    targets: torch.Tensor
    needs_every_class = False

    def __init__(
        self,
        class_counts: Sequence[int] | torch.Tensor,
        *,
        scale: float = 1.0,
        power: float = 2.0,
        label_smoothing: float = 0.0,
    ):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        for name, value, usual in (("scale", scale, 1), ("power", power, 2)):
            if not (value > 0 and math.isfinite(value)):
                raise ValueError(
                    f"{name}={value} cannot be used: give a finite number above 0; the source uses {usual}."
                )
        self.scale = scale
        self.power = power
        levels = torch.arange(self.num_classes)
        distance = (levels[:, None] - levels).abs().double() ** power  # double: large options overflow float32 to nan
        self.register_buffer("targets", (-scale * distance).softmax(dim=-1).float(), persistent=False)

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy with each label's target: ``(batch, num_classes)``."""
        # A sum of products, not a matrix product: that would be rounded to 10 bits where TF32 is switched on.
        return -(logits.log_softmax(dim=-1).unsqueeze(1) * self.targets).sum(dim=-1)
