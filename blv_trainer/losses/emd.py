"""Squared earth mover's distance."""

from __future__ import annotations

import torch

from blv_trainer.losses.base import ImbalanceLoss


class EMDLoss(ImbalanceLoss):
    """Squared distance between the cumulative distributions of prediction and label.

        loss = sum_k (P(class <= k) - [label <= k])^2,  P = cumulative softmax(logits)

    Classes are levels in ordinal order, one step apart. Training adds nothing to the logits; class counts play no part.
    The same number is known as the ranked probability score, a proper score: its best prediction is the true
    distribution. It lies in 0 to num_classes - 1, so a row that is confidently wrong has nearly no gradient, and
    training starts more slowly than with cross-entropy.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1): the loss is then the mean over
            that target of what each class would cost.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.

    Raises:
        ValueError: class counts or label smoothing that cannot be used.

    Reference:
        Hou, Yu, Samaras: Squared Earth Mover's Distance-based Loss for Training Deep Neural Networks. 2016,
        arXiv 1611.05916.
        Epstein: A Scoring System for Probability Forecasts of Ranked Categories. Journal of Applied Meteorology 8(6),
        1969.

    Examples:
        >>> loss = EMDLoss([1, 1, 1])
        >>> logits = torch.tensor([[0.0, 50.0, 0.0], [0.0, 0.0, 50.0]])  # one level off, two levels off
        >>> [loss(row[None], torch.tensor([0])).item() for row in logits]
        [1.0, 2.0]
    """

    needs_every_class = False

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Sum over the steps between levels: ``(batch, num_classes)``."""
        p = logits.softmax(dim=-1).unsqueeze(-1)  # (batch, num_classes, 1)
        level = torch.arange(self.num_classes, device=logits.device)
        up_to = level[:, None] <= level[:-1]  # (num_classes, num_classes - 1): levels at or below each step
        # Both tails are summed, as 1 - tail would cancel. Sums of products, since torch has no deterministic cumsum on
        # GPUs and TF32 rounds matrix products.
        below = (p * up_to).sum(dim=1) ** 2  # (batch, num_classes - 1), what a label above the step costs
        above = (p * ~up_to).sum(dim=1) ** 2
        return torch.where(up_to, above.unsqueeze(1), below.unsqueeze(1)).sum(dim=-1)
