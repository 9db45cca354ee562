"""Label-distribution-aware margins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional as F

from blv_trainer.losses.base import ImbalanceLoss, log_odds


class LDAMLoss(ImbalanceLoss):
    """Cross-entropy in which the label has to win by a margin, the wider the rarer its class.

        margin_k = max_margin (min_j q_j / q_k)^(1/4)
        loss = -log softmax(scale (logits - margin[label] e_label))[label]

    with q_k = class_counts[k] and e_label 1 at the label, 0 elsewhere. The rarest class has the margin ``max_margin``.

    What is taken off depends on the label, which inference does not know: it is part of the loss, in evaluation mode
    too, not a shift of the logits, and ``expected_shift()`` is zero.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        max_margin: margin of the rarest class, in logit units before scaling, 0 or more; the source uses 0.5.
        scale: factor on the logits inside the loss, above 0. 1 for a plain linear head; the source's 30 is for heads
            that give cosines, in -1 to 1.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1): the loss is then the mean over
            that target of what each class would cost.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``margin``: ``(num_classes,)``.

    Raises:
        ValueError: an option out of its range; a class without a training example, or class counts that cannot be used.

    Differs from the source:
        There features and class weights are normalised to length 1, logits are cosines and ``scale`` is 30, so that a
        margin of 0.5 counts 15; on a plain linear head it counts 0.5 unless ``max_margin`` or ``scale`` is raised. The
        source's deferred re-weighting (class weights in the last epochs) is left out.

    Reference:
        Cao, Wei, Gaidon, Arechiga, Ma: Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss.
        NeurIPS 2019.

    Examples:
        >>> loss = LDAMLoss([160, 10])  # (10 / 160) ** 0.25 is 0.5
        >>> loss.margin.tolist()
        [0.25, 0.5]
        >>> round(loss(torch.zeros(1, 2), torch.tensor([1])).item(), 4)  # log(1 + e ** 0.5)
        0.9741
    """

    margin: torch.Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | torch.Tensor,
        *,
        max_margin: float = 0.5,
        scale: float = 1.0,
        label_smoothing: float = 0.0,
    ):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        if not (max_margin >= 0 and math.isfinite(max_margin)):
            raise ValueError(f"max_margin={max_margin} cannot be used: give a finite number from 0 up, such as 0.5.")
        if not (scale > 0 and math.isfinite(scale)):
            raise ValueError(f"scale={scale} cannot be used: give a finite number above 0; 1 leaves logits alone.")
        self.max_margin = max_margin
        self.scale = scale
        counts = self.class_counts.double()
        self.register_buffer("margin", (max_margin * (counts.min() / counts) ** 0.25).float(), persistent=False)

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy with each class's own margin taken off its logit: ``(batch, num_classes)``."""
        # -log p is -log sigmoid(log-odds of the label), and a margin on the label's logit lowers just these.
        return -F.logsigmoid(log_odds(self.scale * logits) - self.scale * self.margin)
