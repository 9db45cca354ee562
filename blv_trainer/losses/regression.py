"""Regression to the level."""

from __future__ import annotations

import torch

from blv_trainer.losses.base import ImbalanceLoss


class RegressionLoss(ImbalanceLoss):
    """Squared error of the expected level: regression on the head of a classifier.

        loss = (sum_k k p_k - label)^2,  p = softmax(logits)

    Classes are levels in ordinal order, one step apart. Training adds nothing to the logits; class counts play no part.

    What is trained is one number, the expected level: its best value is the mean of the labels that a row may have.
    How p spreads around it is left free (half on each of levels 0 and 2 costs the same as all on level 1), so
    probabilities are not calibrated, and the largest of them is not the answer that was trained. Answer with the
    expected level rounded, which is the decision of least expected squared cost; confidence, log-likelihood and the
    raw decision of such a model say little. A row that is sure of one wrong level has nearly no gradient, so training
    starts more slowly than with cross-entropy.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1): the loss is then the mean over
            that target of what each class would cost, which draws the expected level towards the middle.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar, in levels squared.

    Raises:
        ValueError: class counts or label smoothing that cannot be used.

    Reference:
        Beckham, Pal: A Simple Squared-Error Reformulation for Ordinal Classification. 2016, arXiv 1612.00775.

    Examples:
        >>> loss = RegressionLoss([1, 1, 1])
        >>> logits = torch.tensor([[0.0, 50.0, 0.0], [50.0, 0.0, 50.0], [0.0, 0.0, 50.0]])  # expected level 1, 1, 2
        >>> [loss(row[None], torch.tensor([0])).item() for row in logits]
        [1.0, 1.0, 4.0]
    """

    needs_every_class = False

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Squared distance of the expected level from each level: ``(batch, num_classes)``."""
        p = logits.softmax(dim=-1).unsqueeze(1)  # (batch, 1, num_classes)
        level = torch.arange(self.num_classes, device=logits.device)
        # Distances are averaged, not levels: the expected level minus the label would cancel.
        return (p * (level - level[:, None])).sum(dim=-1) ** 2
