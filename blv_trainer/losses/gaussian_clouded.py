"""Gaussian clouded logits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from blv_trainer.losses.blv import BLVLoss


class GaussianCloudedLoss(BLVLoss):
    """Cross-entropy of logits that training lowers at random, the more so the rarer the class.

        cloud_k = amplitude (log q_max - log q_k) / (log q_max - log q_min)
        clouded_k = logits_k - cloud_k min(|epsilon_k|, 1),  epsilon_k ~ N(0, (1/3)^2)
        loss = -log softmax(clouded)[label]

    with q_k = class_counts[k]. It is ``BLVLoss`` with the opposite sign, per element, sigma = amplitude / 3, clamp =
    amplitude and alpha = cloud / amplitude, which is 0 for the most common class, where BLV's is not. Evaluation and
    inference use the raw logits. Rare classes have to win against their own handicap while training, so raw decisions
    favour them: on average like ``logit_adjustment`` with tau .27 for the default amplitude.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        amplitude: size of the rarest class's cloud, the most that its logit is lowered, in logit units, 0 or more.
            None for log(q_max / q_min), so that cloud_k is log q_max - log q_k.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``alpha``, ``expected_shift()``: ``(num_classes,)``.

    Raises:
        ValueError: ``amplitude`` below 0 or not finite; a class without a training example, or class counts that cannot
            be used.

    Differs from the source:
        There logits are cosines times 30, and the released code has amplitude 15 on that scale for CIFAR-10 (30 times
        its ``noise_mul`` 0.5); here they come from a plain linear head, whose scale is smaller. The extra margin that
        the released code can take off the label's logit (0 for CIFAR-10) and the second stage, a classifier trained
        anew with balanced sampling, are left out.

    Reference:
        Li, Cheung, Lu: Long-Tailed Visual Recognition via Gaussian Clouded Logit Adjustment. CVPR 2022.

    Examples:
        >>> loss = GaussianCloudedLoss([100, 100, 10])
        >>> [round(shift, 3) + 0.0 for shift in loss.expected_shift().tolist()]
        [0.0, 0.0, -0.612]
    """

    def __init__(
        self,
        class_counts: Sequence[int] | torch.Tensor,
        *,
        amplitude: float | None = None,
        label_smoothing: float = 0.0,
    ):
        counts = self._checked_counts(class_counts).double()
        rarity = torch.log(counts.max() / counts)
        size = rarity.max().item() if amplitude is None else amplitude
        if not (size >= 0 and math.isfinite(size)):
            raise ValueError(f"amplitude={amplitude} cannot be used: give a finite number from 0 up, or None.")
        super().__init__(
            class_counts,
            sigma=size / 3,
            scope="element",
            clamp=size or None,
            sign=-1,
            label_smoothing=label_smoothing,
        )
        self.amplitude = amplitude
        self.alpha = (rarity / rarity.max().clamp(min=torch.finfo(rarity.dtype).tiny)).float()  # 0 for equal classes
