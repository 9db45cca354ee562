"""The rows of the comparison's table: each method with each decision, raw, consistent and tuned on validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blv_trainer.decision import Decision, consistent, raw, tune
from blv_trainer.evaluation import NUM_RESAMPLES, Scores
from blv_trainer.experiments.results import MethodRuns, Results
from blv_trainer.metrics import METRICS

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
        test: what it is worth on the test rows.
        validation: what it is worth on the validation rows.
    """

    runs: MethodRuns
    decision: str
    decisions: list[Decision]
    test: Scores
    validation: Scores

    @property
    def key(self) -> str:
        """Unique name, such as ``blv:sigma=6 tuned``."""
        return f"{self.runs.method.spec} {self.decision}"

    @property
    def title(self) -> str:
        """As it stands in the table."""
        return f"{self.runs.method.title} ({self.decision})"


def make_rows(
    results: Results, tune_for: Mapping[str, float] | None = None, *, num_resamples: int = NUM_RESAMPLES
) -> list[Row]:
    """Each method with each decision; "consistent" only where training shifts the logits; first the first one's raw."""
    rows = []
    for runs in results.methods:
        for decision in DECISIONS:
            decide = _decider(results, runs, decision, dict(tune_for or TUNE_FOR))
            if decision != "consistent" or runs.loss.expected_shift().abs().max() > 0:
                decisions = [decide(logits) for logits in runs.validation_logits]
                test = _decided(decisions, runs.test_logits)  # (num_runs, n, num_classes)
                validation = _decided(decisions, runs.validation_logits)
                rows.append(
                    Row(
                        runs,
                        decision,
                        decisions,
                        Scores(results.test_labels, test, results.names, results.test_columns, num_resamples),
                        Scores(results.validation_labels, validation, results.names),
                    )
                )
    return rows


def validation_score(row: Row, tune_for: Mapping[str, float] | None = None) -> float:
    """Weighted goodness on validation, higher is better; errors count negative, ``smd`` by its distance from 0."""
    weights = tune_for or TUNE_FOR
    return sum(weight * METRICS[metric].goodness(row.validation.values[metric]) for metric, weight in weights.items())


def choose(rows: list[Row], tune_for: Mapping[str, float] | None = None) -> Row:
    """The row with the best validation score; test rows have no say. Undefined scores lose, equal ones: the first."""
    scores = [validation_score(row, tune_for) for row in rows]
    return rows[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]


def _decided(decisions: Sequence[Decision], logits: np.ndarray) -> np.ndarray:
    return np.stack([decision.apply(of_run) for decision, of_run in zip(decisions, logits, strict=True)])


def _decider(
    results: Results, runs: MethodRuns, decision: str, tune_for: Mapping[str, float]
) -> Callable[[np.ndarray], Decision]:
    if decision == "raw":
        return lambda logits: raw(len(results.names))
    if decision == "consistent":
        return lambda logits: consistent(runs.loss)
    counts = np.maximum(results.class_counts["train"], 1)  # a class without training rows has no prior to correct
    return lambda logits: tune(logits, results.validation_labels, tune_for, class_counts=counts)
