"""Focal loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from blv_trainer.losses.base import ImbalanceLoss


class FocalLoss(ImbalanceLoss):
    """Cross-entropy that weighs down what the model already gets right.

        loss = -(1 - p)^gamma log p,  p = softmax(logits)[label]   (Eq. 4 of the source, without its alpha)

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        gamma: focusing parameter, 0 or more; 0 is cross-entropy.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1): the loss is then the mean over
            that target of what each class would cost.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.

    Raises:
        ValueError: ``gamma`` below 0 or not finite; class counts that cannot be used.

    Differs from the source:
        Softmax over exclusive classes in place of one sigmoid per anchor; the mean over items in place of the sum over
        anchors divided by the number of assigned ones; no class weight alpha.

    Reference:
        Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object Detection. ICCV 2017, Eq. 4.

    Examples:
        >>> loss = FocalLoss([90, 10])
        >>> round(loss(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).item(), 4)  # 0.5 ** 2 * 0.6931
        0.1733
    """

    needs_every_class = False

    def __init__(self, class_counts: Sequence[int] | torch.Tensor, *, gamma: float = 2.0, label_smoothing: float = 0.0):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        if not (gamma >= 0 and math.isfinite(gamma)):
            raise ValueError(f"gamma={gamma} cannot be used: give a finite number from 0 up; the source uses 2.")
        self.gamma = gamma

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy times ``(1 - p)^gamma``: ``(batch, num_classes)``."""
        log_p = logits.log_softmax(dim=-1)
        # 1 - p without cancellation near p = 1; the floor keeps the gradient finite there for gamma below 1.
        one_minus_p = (-torch.expm1(log_p)).clamp(min=torch.finfo(logits.dtype).tiny)
        return -(one_minus_p**self.gamma) * log_p
