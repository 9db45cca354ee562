"""Counts labels against predictions, batch by batch, and says what became of each class."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike

from blv_trainer.losses import IGNORE_INDEX


class ConfusionCounter:
    """A confusion matrix that grows: rows are labels, columns predictions.

    Args:
        num_classes: number of classes.

    Shape:
        - labels, predicted: ``(batch,)``, class indices; rows labelled ``-100`` are left out.
        - ``matrix``: ``(num_classes, num_classes)``, int64, on the processor.

    Examples:
        >>> confusion = ConfusionCounter(2)
        >>> confusion.add(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0]))
        >>> confusion.metrics(["common", "rare"])
        {'recall_common': 1.0, 'recall_rare': 0.0, 'predicted_common': 3, 'predicted_rare': 0}
    """

    def __init__(self, num_classes: int):
        self.matrix = torch.zeros(num_classes, num_classes, dtype=torch.long)

    @classmethod
    def of(cls, labels: ArrayLike, predicted: ArrayLike, *, num_classes: int) -> ConfusionCounter:
        """Count whole arrays, ``(n,)`` each."""
        confusion = cls(num_classes)
        confusion.add(torch.as_tensor(labels), torch.as_tensor(predicted))
        return confusion

    @property
    def num_items(self) -> int:
        """Rows counted so far."""
        return int(self.matrix.sum())

    def add(self, labels: torch.Tensor, predicted: torch.Tensor) -> None:
        """Count one batch."""
        num_classes = len(self.matrix)
        labelled = labels != IGNORE_INDEX
        cells = num_classes * labels[labelled] + predicted[labelled]
        self.matrix += cells.bincount(minlength=num_classes**2).view(num_classes, num_classes).cpu()

    def support(self, k: int) -> int:
        """Number of rows labelled ``k``."""
        return int(self.matrix[k].sum())

    def never_predicted(self) -> list[int]:
        """Classes that some rows have and no row was given."""
        return ((self.matrix.sum(dim=1) > 0) & (self.matrix.sum(dim=0) == 0)).nonzero().flatten().tolist()

    def metrics(self, names: list[str]) -> dict[str, float]:
        """``recall_<class>`` of each class that has rows, and ``predicted_<class>``, the histogram of predictions."""
        right, predicted = self.matrix.diagonal().tolist(), self.matrix.sum(dim=0).tolist()
        recalls = {f"recall_{name}": right[k] / self.support(k) for k, name in enumerate(names) if self.support(k)}
        return recalls | {f"predicted_{name}": predicted[k] for k, name in enumerate(names)}
