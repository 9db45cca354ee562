"""Class-balanced cross-entropy, weighted by the effective number of examples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from blv_trainer.losses.base import ImbalanceLoss


class ClassBalancedLoss(ImbalanceLoss):
    """Cross-entropy weighted by the inverse of how many examples of a class really differ.

        effective_k = (1 - beta^q_k) / (1 - beta)         (Proposition 1)
        weight_k = K / effective_k / sum_j 1 / effective_j
        loss = -weight[label] log softmax(logits)[label]

    with q_k = class_counts[k] and K their number. The mean of the K weights is 1, as in the source; as the common
    classes have the small ones, the loss is smaller than plain cross-entropy.

    Training adds nothing to the logits, so ``expected_shift()`` is zero. The weights show in the raw decision all the
    same: a model free to fit the data learns log(weight_k p_k).

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        beta: 0 up to, not including, 1. About 1 / (1 - beta) examples of a class can differ. 0 is cross-entropy; near 1
            weights go with 1 / q_k. The source uses .9, .99, .999 and .9999.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1); each class keeps its weight.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``weight``: ``(num_classes,)``.

    Raises:
        ValueError: ``beta`` out of its range; a class without a training example, or class counts that cannot be used.

    Differs from the source:
        Softmax cross-entropy alone; the source also weighs sigmoid cross-entropy and focal loss.

    Reference:
        Cui, Jia, Lin, Song, Belongie: Class-Balanced Loss Based on Effective Number of Samples. CVPR 2019.

    Examples:
        >>> loss = ClassBalancedLoss([90, 10], beta=0.9)  # effective numbers 10.0 and 6.5
        >>> [round(weight, 3) for weight in loss.weight.tolist()]
        [0.789, 1.211]
    """

    weight: torch.Tensor

    def __init__(
        self, class_counts: Sequence[int] | torch.Tensor, *, beta: float = 0.999, label_smoothing: float = 0.0
    ):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        if not 0 <= beta < 1:
            raise ValueError(f"beta={beta} cannot be used: give a number from 0 up to, not including, 1.")
        self.beta = beta
        # 1 - beta^q without cancellation; the factor 1 - beta goes out with the normalisation.
        log_beta = math.log(beta) if beta > 0 else -math.inf
        inverse = 1 / -torch.expm1(self.class_counts.double() * log_beta)
        self.register_buffer("weight", (inverse / inverse.mean()).float(), persistent=False)

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy times the class's weight: ``(batch, num_classes)``."""
        return self.weight * super().class_losses(logits)
