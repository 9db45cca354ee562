"""Cross-entropy weighted by inverse class frequency."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from blv_trainer.losses.base import ImbalanceLoss


class WeightedCrossEntropyLoss(ImbalanceLoss):
    """Cross-entropy in which each class weighs the same as a whole, however few examples it has.

        weight_k = N / (K q_k)
        loss = -weight[label] log softmax(logits)[label]

    with q_k = class_counts[k], N their sum and K their number. The mean weight of the training examples is 1.

    Training adds nothing to the logits, so ``expected_shift()`` is zero. The weights show in the raw decision all the
    same: a model free to fit the data learns log(weight_k p_k), what ``logit_adjustment`` with tau 1 learns too, and
    ``decision.prior_corrected(class_counts, tau=-1)`` takes it out.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1); each class keeps its weight.

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.
        - ``weight``: ``(num_classes,)``.

    Raises:
        ValueError: a class without a training example, or class counts that cannot be used.

    Differs from the source:
        The sum is divided by the number of items, which on average is the sum of their weights, whereas
        ``torch.nn.CrossEntropyLoss(weight=...)`` divides by the sum of the weights in the batch at hand: there a row
        counts for less where a rare class happens to be in its batch, and micro-batches cannot be put together to the
        gradient of the whole batch.

    Reference:
        King, Zeng: Logistic Regression in Rare Events Data. Political Analysis 9(2), 2001.

    Examples:
        >>> loss = WeightedCrossEntropyLoss([75, 25])
        >>> [round(weight, 3) for weight in loss.weight.tolist()]
        [0.667, 2.0]
        >>> round(loss(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).item(), 4)
        0.6931
    """

    weight: torch.Tensor

    def __init__(self, class_counts: Sequence[int] | torch.Tensor, *, label_smoothing: float = 0.0):
        super().__init__(class_counts, label_smoothing=label_smoothing)
        counts = self.class_counts.double()
        self.register_buffer("weight", (counts.mean() / counts).float(), persistent=False)  # N / (K q_k)

    def class_losses(self, logits: torch.Tensor) -> torch.Tensor:
        """Cross-entropy times the class's weight: ``(batch, num_classes)``."""
        return self.weight * super().class_losses(logits)
