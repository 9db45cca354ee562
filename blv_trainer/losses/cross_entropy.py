"""Plain cross-entropy, the baseline."""

from __future__ import annotations

from blv_trainer.losses.base import ImbalanceLoss


class CrossEntropyLoss(ImbalanceLoss):
    """Cross-entropy, blind to how rare a class is.

        loss = -log softmax(logits)[label]

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; only their number matters.
        label_smoothing: share of the target spread evenly over all classes, in [0, 1).

    Shape:
        - logits: ``(batch, num_classes)``; labels: ``(batch,)``; Output: scalar.

    Raises:
        ValueError: class counts or label smoothing that cannot be used.

    Examples:
        >>> import torch
        >>> loss = CrossEntropyLoss([90, 10])
        >>> round(loss(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).item(), 4)
        0.6931
    """

    needs_every_class = False
