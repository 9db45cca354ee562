"""``Scores``: what the predictions of one set of rows are worth. The report and the card both say it from here."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from blv_trainer.evaluation.confusion import confusion_matrix
from blv_trainer.evaluation.resampling import Estimate
from blv_trainer.evaluation.statistics import (
    Spread,
    bootstrap_differences,
    bootstrap_intervals,
    mean_and_sd,
    permutation_p_values,
)
from blv_trainer.evaluation.subgroups import Subgroup, subgroup_table
from blv_trainer.levels import are_numbers, level_values
from blv_trainer.metrics import make_compute_metrics

NUM_RESAMPLES = 10_000
_SUBGROUPS = ("region", "task", "sex", "gender", "l1")  # columns that subgroups are made of where none are named


class Scores:
    """Metrics, intervals, confusion and subgroups of the predictions of one set of rows.

    Args:
        labels: the true class of each row, ``(n,)``.
        logits: as decided upon, ``(n, num_classes)``, or of several runs, ``(num_runs, n, num_classes)``.
        names: the labels, lowest first.
        columns: what else is known of each row, ``(n,)`` each.
        num_resamples: of each bootstrap and permutation test.
        group_column: the column that says which rows belong together: intervals and tests draw whole groups, a row with
            an empty cell by itself; None, or a name that is no column, to draw rows.
        subgroup_columns: the columns that subgroups are made of; by default ``region``, ``task``, ``sex``, ``gender``
            and ``l1``, where there are such columns.

    Examples:
        >>> scores = Scores([0, 1, 1], [[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]], ["A", "B"])
        >>> scores.confusion.tolist(), scores.values["macro_accuracy"], scores.recalls.tolist()
        ([[1.0, 0.0], [1.0, 1.0]], 0.75, [1.0, 0.5])
    """

    def __init__(
        self,
        labels: ArrayLike,
        logits: ArrayLike,
        names: Sequence[str],
        columns: Mapping[str, Sequence[Any]] | None = None,
        num_resamples: int = NUM_RESAMPLES,
        group_column: str | None = "speaker",
        subgroup_columns: Sequence[str] | None = None,
    ):
        self.labels = np.asarray(labels)
        decided = np.asarray(logits, dtype=np.float64)
        self.logits = decided[None] if decided.ndim == 2 else decided  # (num_runs, n, num_classes)
        self.names = list(names)
        self.columns = dict(columns or {})
        self.num_resamples = num_resamples
        self.group_column = group_column
        usual = [name for name in self.columns if name.lower() in _SUBGROUPS]
        self.subgroup_columns = {name: self.columns[name] for name in subgroup_columns or usual}
        self._differences: dict[Scores, dict[str, Estimate]] = {}  # once each: a bootstrap takes seconds

    @cached_property
    def predictions(self) -> np.ndarray:
        """Predicted classes, ``(num_runs, n)``."""
        return self.logits.argmax(axis=2)

    @cached_property
    def expected_positions(self) -> np.ndarray:
        """Mean position of the level under the probabilities, from 1 (the lowest), ``(num_runs, n)``."""
        return softmax(self.logits, axis=2) @ np.arange(1, len(self.names) + 1)

    @cached_property
    def metrics(self) -> dict[str, Spread]:
        """Each of ``METRICS``: mean and standard deviation over runs."""
        compute = make_compute_metrics(self.names)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # undefined correlations stand in tables as such
            return mean_and_sd([compute((run, self.labels)) for run in self.logits])

    @property
    def values(self) -> dict[str, float]:
        """Each of ``METRICS``: mean over runs."""
        return {name: spread.mean for name, spread in self.metrics.items()}

    @cached_property
    def groups(self) -> Sequence[Any] | None:
        """The group of each row; None where there is no group column, or all rows are one group."""
        cells = self.columns.get(self.group_column or "", ())
        empty = [cell is None or not str(cell).strip() for cell in cells]
        if len({cell for cell, is_empty in zip(cells, empty, strict=True) if not is_empty}) < 2:
            return None
        return [f"row {k}" if is_empty else cell for k, (cell, is_empty) in enumerate(zip(cells, empty, strict=True))]

    @property
    def resampled(self) -> str:
        """What intervals and tests draw: "speakers", "groups" or "samples"."""
        return "samples" if self.groups is None else "speakers" if self.group_column == "speaker" else "groups"

    @property
    def num_groups(self) -> int:
        """How many of them there are."""
        return len(self.labels) if self.groups is None else len({*self.groups})

    @cached_property
    def intervals(self) -> dict[str, Estimate]:
        """95 % interval of each metric but ``ece``; none where there are fewer than two rows."""
        if len(self.labels) < 2:
            return {}
        return bootstrap_intervals(self.labels, self.predictions, groups=self.groups, num_resamples=self.num_resamples)

    def differences(self, baseline: Scores) -> dict[str, Estimate]:
        """95 % interval of each metric's difference to another's predictions of the same rows."""
        if baseline not in self._differences:
            self._differences[baseline] = bootstrap_differences(
                self.labels,
                self.predictions,
                baseline=baseline.predictions,
                groups=self.groups,
                num_resamples=self.num_resamples,
            )
        return self._differences[baseline]

    def p_values(self, baseline: Scores) -> dict[str, float]:
        """Paired permutation test of each metric against another's predictions of the same rows."""
        return permutation_p_values(
            self.labels,
            self.predictions,
            baseline=baseline.predictions,
            groups=self.groups,
            num_permutations=self.num_resamples,
        )

    @cached_property
    def confusion(self) -> np.ndarray:
        """Mean confusion matrix of the runs, ``(num_classes, num_classes)``, rows = labels."""
        return confusion_matrix(self.labels, self.predictions, len(self.names)).mean(axis=0)

    @property
    def support(self) -> np.ndarray:
        """Rows of each class, ``(num_classes,)``."""
        return np.bincount(self.labels, minlength=len(self.names))

    @cached_property
    def recalls(self) -> np.ndarray:
        """Recall of each class over all runs, ``(num_classes,)``; nan for a class without rows."""
        return self._of_classes(lambda predicted, k: (predicted == k).mean())

    @cached_property
    def class_rmse(self) -> np.ndarray:
        """RMSE of each class over all runs, ``(num_classes,)``; nan for a class without rows."""
        return self._of_classes(lambda predicted, k: np.sqrt(((predicted - k) ** 2).mean()))

    def by_class(self) -> dict[str, float]:
        """``recall_<label>`` of each class that has rows, and ``predicted_<label>``, the histogram of predictions."""
        pairs = zip(self.names, self.recalls.tolist(), strict=True)
        recalls = {f"recall_{name}": recall for name, recall in pairs if recall == recall}  # not nan
        predicted = self.confusion.sum(axis=0).astype(int).tolist()
        return recalls | {f"predicted_{name}": count for name, count in zip(self.names, predicted, strict=True)}

    def in_units(self) -> dict[str, float]:
        """``rmse_in_units`` of the levels, whatever the distance between two, where all levels are numbers."""
        if not are_numbers(self.names):
            return {}
        values = np.array(level_values(self.names))
        errors = values[self.predictions] - values[self.labels]  # (num_runs, n)
        return {"rmse_in_units": float(np.sqrt((errors**2).mean(axis=1)).mean())}

    @property
    def as_metrics(self) -> dict[str, float]:
        """``values``, ``by_class`` and ``rmse_in_units``, as ``metrics.json`` has them."""
        return self.values | self.by_class() | self.in_units()

    @cached_property
    def subgroups(self) -> list[Subgroup]:
        """Whether each group fares alike; none where there are fewer than two rows."""
        if len(self.labels) < 2:
            return []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return subgroup_table(self.labels, self.predictions, self.subgroup_columns)

    def _of_classes(self, value: Callable[[np.ndarray, int], float]) -> np.ndarray:
        found = np.full(len(self.names), np.nan)
        for k in np.flatnonzero(self.support).tolist():
            found[k] = value(self.predictions[:, self.labels == k], k)
        return found
