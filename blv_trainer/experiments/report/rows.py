"""The rows of the comparison's table: each method with each decision, raw, consistent and tuned on validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import softmax

from blv_trainer.decision import Decision, consistent, raw, tune
from blv_trainer.experiments.results import MethodRuns, Results
from blv_trainer.experiments.statistics import Spread, mean_and_sd
from blv_trainer.metrics import make_compute_metrics
from blv_trainer.metrics.registry import goodness

DECISIONS = ("raw", "consistent", "tuned")
# What "tuned" and the choice of the best row look at, on validation alone.
TUNE_FOR = {"accuracy": 1.0, "macro_accuracy": 1.0, "qwk": 1.0}


@dataclass(frozen=True)
class Row:
    """One method with one decision, over all seeds.

    Args:
        runs: the method's runs.
        decision: one of ``DECISIONS``.
        decisions: the decision of each run.
        results: the comparison that it belongs to.
    """

    runs: MethodRuns
    decision: str
    decisions: list[Decision]
    results: Results

    @property
    def key(self) -> str:
        """Unique name, such as ``blv:sigma=6 tuned``."""
        return f"{self.runs.method.spec} {self.decision}"

    @property
    def title(self) -> str:
        """As it stands in the table."""
        return f"{self.runs.method.title} ({self.decision})"

    @cached_property
    def test_logits(self) -> np.ndarray:
        """As decided upon, ``(num_runs, n, num_classes)``."""
        pairs = zip(self.decisions, self.runs.test_logits, strict=True)
        return np.stack([decision.apply(logits) for decision, logits in pairs])

    @cached_property
    def predictions(self) -> np.ndarray:
        """Predicted classes, ``(num_runs, n)``."""
        return self.test_logits.argmax(axis=2)

    @cached_property
    def expected_scores(self) -> np.ndarray:
        """Mean class index under the probabilities, ``(num_runs, n)``."""
        levels = np.arange(len(self.results.names))
        return softmax(self.test_logits, axis=2) @ levels

    @cached_property
    def test(self) -> dict[str, Spread]:
        """Each metric on the test rows: mean and standard deviation over seeds."""
        return _over_runs(self.results, self.test_logits, self.results.test_labels)

    @cached_property
    def validation(self) -> dict[str, Spread]:
        """Each metric on the validation rows."""
        pairs = zip(self.decisions, self.runs.validation_logits, strict=True)
        logits = np.stack([decision.apply(logits) for decision, logits in pairs])
        return _over_runs(self.results, logits, self.results.validation_labels)


def make_rows(results: Results, tune_for: Mapping[str, float] | None = None) -> list[Row]:
    """Each method with each decision; "consistent" only where training shifts the logits.

    Args:
        results: the comparison.
        tune_for: weights of the metrics for which "tuned" is chosen, each run on its own validation logits;
            ``TUNE_FOR`` unless given.

    Returns:
        The rows, methods in their order; the first is the raw decision of the first method.
    """
    tune_for = dict(tune_for or TUNE_FOR)
    rows = []
    for runs in results.methods:
        for decision in DECISIONS:
            decide = _decider(results, runs, decision, tune_for)
            if decision != "consistent" or runs.loss.expected_shift().abs().max() > 0:
                rows.append(Row(runs, decision, [decide(logits) for logits in runs.validation_logits], results))
    return rows


def validation_score(row: Row, tune_for: Mapping[str, float] | None = None) -> float:
    """Weighted goodness on validation, higher is better; errors count negative, ``smd`` by its distance from 0."""
    weights = tune_for or TUNE_FOR
    return sum(weight * goodness(metric, row.validation[metric].mean) for metric, weight in weights.items())


def choose(rows: list[Row], tune_for: Mapping[str, float] | None = None) -> Row:
    """The row with the best validation score; test rows have no say. Undefined scores lose, equal ones: the first."""
    scores = [validation_score(row, tune_for) for row in rows]
    return rows[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]


def _decider(
    results: Results, runs: MethodRuns, decision: str, tune_for: Mapping[str, float]
) -> Callable[[np.ndarray], Decision]:
    if decision == "raw":
        return lambda logits: raw(len(results.names))
    if decision == "consistent":
        return lambda logits: consistent(runs.loss)
    counts = np.maximum(results.class_counts["train"], 1)  # a class without training rows has no prior to correct
    return lambda logits: tune(logits, results.validation_labels, tune_for, class_counts=counts)


def _over_runs(results: Results, logits: np.ndarray, labels: np.ndarray) -> dict[str, Spread]:
    compute = make_compute_metrics(results.names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined correlations stand in the table as such
        return mean_and_sd([compute((run, labels)) for run in logits])
