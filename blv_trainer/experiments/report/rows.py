"""The rows of the comparison's table: each method with each decision, for answers and for whole groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from blv_trainer.decision import BALANCED, BALANCED_AT_LEAST, Decision, holds_rare_classes_down
from blv_trainer.evaluation import NUM_RESAMPLES, Scores
from blv_trainer.experiments.decisions import Answers, Chosen, apply_to, choice, cross_fitted
from blv_trainer.experiments.results import MethodRuns, Results
from blv_trainer.metrics import METRICS

DECISIONS = ("raw", "consistent", "tuned")  # "consistent" only where training shifts logits against the rare classes


@dataclass(frozen=True)
class Row:
    """One method with one decision, over all seeds: what it is worth."""

    runs: MethodRuns
    decision: str  # one of DECISIONS; of a model to keep, the kind of the one folded in
    decisions: list[Decision]  # those on answers, of each run and fold
    test: Scores  # on the test rows, with folds on all rows
    judged: Scores  # on what choices are made by: the validation rows; with folds all rows, each decided by the others
    by_group: Scores | None = None  # for the groups that have one label; None where no group has two answers

    @property
    def key(self) -> str:
        """Unique name, such as ``blv:sigma=6 tuned``."""
        return f"{self.runs.method.spec} {self.decision}"

    @property
    def title(self) -> str:
        """As it stands in the table."""
        return f"{self.runs.method.title} ({Decision.in_words(self.decision)})"


def side_by_side(results: Results, rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """What one figure compares, with the title of each: the methods under one decision, or the decisions of the one."""
    if len(results.methods) == 1:
        return {"": {Decision.in_words(row.decision): row for row in rows}}
    return {name: {row.runs.method.title: row for row in rows if row.decision == name} for name in ("raw", "tuned")}


def make_rows(
    results: Results, tune_for: Mapping[str, float] | None = None, *, num_resamples: int = NUM_RESAMPLES
) -> list[Row]:
    """Each method with each decision; first the first method's raw one."""
    rows = []
    for runs in results.methods:
        for name in DECISIONS:
            if name != "consistent" or holds_rare_classes_down(runs.loss.expected_shift(), results.train_counts):
                rows.append(_row(results, runs, name, tune_for, num_resamples))
    return rows


def objective(row: Row, baseline: Row, tune_for: Mapping[str, float] | None = None) -> float:
    """What choices are made by, higher is better; nan where it is undefined or costs too much accuracy.

    Weighted metrics of ``Row.judged``: errors count negative, ``smd`` by its distance from 0. Without weights of the
    user's own they are "balanced", and a row is out whose accuracy is clearly lower than the baseline's: by its whole
    95 % interval below what ``tune`` lets go.
    """
    bounded = tune_for is None and row is not baseline
    if bounded and row.judged.differences(baseline.judged)["accuracy"].high < BALANCED_AT_LEAST["accuracy"]:
        return float("nan")
    values = row.judged.values
    return sum(weight * METRICS[name].goodness(values[name]) for name, weight in (tune_for or BALANCED).items())


def choose(rows: list[Row], tune_for: Mapping[str, float] | None = None) -> Row:
    """The row with the best objective. Undefined ones lose, of equal ones the first wins."""
    scores = [objective(row, rows[0], tune_for) for row in rows]
    return rows[int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))]


def _row(
    results: Results, runs: MethodRuns, name: str, tune_for: Mapping[str, float] | None, num_resamples: int
) -> Row:
    choose = choice(name, loss=lambda: runs.loss, class_counts=results.train_counts, metric=tune_for or "balanced")
    chosen: list[Chosen] = []
    scores: list[np.ndarray] = []
    pooled: list[np.ndarray | None] = []
    judged: list[np.ndarray] = []
    for k, logits in enumerate(runs.test_logits):
        answers = results.answers(results.test, logits)
        if results.folds is not None:
            found, of_answers, of_groups = cross_fitted(choose, answers, results.folds[k])
            chosen += found
        else:
            assert results.validation is not None
            assert runs.validation_logits is not None
            tuned_on = results.answers(results.validation, runs.validation_logits[k])
            chosen.append(choose(tuned_on))
            of_answers, of_groups = apply_to(chosen[-1], answers)
            judged.append(apply_to(chosen[-1], tuned_on)[0])
        scores.append(of_answers)
        pooled.append(of_groups)
    test = results.scores(results.test, np.stack(scores), num_resamples)
    rows = results.validation
    return Row(
        runs,
        name,
        [found.decision for found in chosen],
        test,
        results.scores(rows, np.stack(judged), num_resamples) if rows is not None else test,
        _of_groups(results, answers, pooled, num_resamples),
    )


def _of_groups(results: Results, answers: Answers, pooled: list[Any], num_resamples: int) -> Scores | None:
    """What the pooled scores of the groups with one label are worth."""
    first = answers.first_of_groups
    if len(first) < 2:  # nothing to resample
        return None
    columns = {name: [values[k] for k in first] for name, values in results.test.columns.items()}
    return Scores(answers.labels[first], np.stack(pooled), results.names, columns, num_resamples, group_column=None)
