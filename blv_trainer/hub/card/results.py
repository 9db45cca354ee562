"""The figures of a card: each metric with its interval, what became of each class, subgroups."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from blv_trainer.decision import Decision
from blv_trainer.experiments.results import SUBGROUPS
from blv_trainer.experiments.statistics import bootstrap_intervals
from blv_trainer.experiments.subgroups import Subgroup, subgroup_table
from blv_trainer.hub.card.facts import Facts, Predictions
from blv_trainer.metrics import make_compute_metrics
from blv_trainer.training.confusion import ConfusionCounter

HEADLINE = ("test", "validation")  # the first of these that was measured is what a card is about


@dataclass(frozen=True)
class Results:
    """What one split gave.

    Args:
        split: its name.
        num_rows: its size; None where unknown.
        metrics: as fractions, among them the loss and what the user's own metrics gave.
        intervals: low and high of each metric, 95 %; empty without predictions.
        resampled: "speakers" or "rows", what intervals are drawn over.
        num_resampled: how many of them there are.
        consistent: metrics and intervals with training's expected shift added back; None where there is none to add.
        confusion: ``(num_classes, num_classes)``, rows = labels; None without predictions.
        subgroups: of the columns that are known; empty without predictions.
    """

    split: str
    num_rows: int | None
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    resampled: str = "rows"
    num_resampled: int = 0
    consistent: tuple[dict[str, float], dict[str, tuple[float, float]]] | None = None
    confusion: np.ndarray | None = None
    subgroups: tuple[Subgroup, ...] = ()


def all_results(facts: Facts, *, num_resamples: int) -> list[Results]:
    """The results of each split, the one that the card is about first; intervals for that one alone.

    Raises:
        ValueError: predictions that do not fit the model's labels.
    """
    measured_splits = {**facts.predictions, **facts.metrics}
    first = [split for split in HEADLINE if split in measured_splits]
    results: list[Results] = []
    for split in dict.fromkeys([*first, *measured_splits]):
        found = facts.predictions.get(split)
        measured = dict(facts.metrics.get(split, {}))
        num_rows = measured.pop("num_rows", None)
        if found is None or not len(found.labels):
            results.append(Results(split, None if num_rows is None else int(num_rows), measured, {}))
        elif results:
            results.append(Results(split, len(found.labels), measured | _metrics(found.logits, found, facts.names), {}))
        else:
            results.append(_with_intervals(split, found, measured, facts, num_resamples))
    return results


def consistent_decision(facts: Facts) -> Decision | None:
    """The decision that adds training's expected shift back, where training shifts logits and none is folded in."""
    shift = (facts.config.get("training_loss") or {}).get("expected_shift")
    if not shift or not any(shift) or isinstance(facts.config.get("decision"), dict):
        return None
    return Decision(tuple(shift), kind="consistent")


def recalls(results: Results, names: list[str]) -> list[float | None]:
    """The recall of each class; None where it has no row or was not measured."""
    if results.confusion is None:
        return [results.metrics.get(f"recall_{name}") for name in names]
    support = results.confusion.sum(axis=1)
    return [float(results.confusion[k, k] / support[k]) if support[k] else None for k in range(len(names))]


def predicted(results: Results, names: list[str]) -> list[int | None]:
    """How often each class was predicted; None where that was not counted."""
    if results.confusion is None:
        counts = [results.metrics.get(f"predicted_{name}") for name in names]
        return [None if count is None else int(count) for count in counts]
    return results.confusion.sum(axis=0).tolist()


def _with_intervals(
    split: str, found: Predictions, measured: dict[str, float], facts: Facts, num_resamples: int
) -> Results:
    speakers = found.columns.get("speaker")
    groups = None if speakers is None or None in speakers or len(set(speakers)) < 2 else speakers
    decision, consistent = consistent_decision(facts), None
    if decision is not None:
        shifted = decision.apply(found.logits)
        consistent = (_metrics(shifted, found, facts.names), _intervals(shifted, found, groups, num_resamples))
    classes = found.logits.argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        columns: dict[str, Sequence[Any]] = {
            name: values for name, values in found.columns.items() if name.lower() in SUBGROUPS
        }
        subgroups = tuple(subgroup_table(found.labels, classes[None], columns)) if len(classes) > 1 else ()
    return Results(
        split=split,
        num_rows=len(found.labels),
        metrics=measured | _metrics(found.logits, found, facts.names),
        intervals=_intervals(found.logits, found, groups, num_resamples),
        resampled="rows" if groups is None else "speakers",
        num_resampled=len(found.labels) if groups is None else len(set(groups)),
        consistent=consistent,
        confusion=ConfusionCounter.of(found.labels, classes, num_classes=len(facts.names)).matrix.numpy(),
        subgroups=subgroups,
    )


def _metrics(logits: np.ndarray, found: Predictions, names: list[str]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # undefined ones stand in the table as such
        return make_compute_metrics(names)((logits, found.labels))


def _intervals(
    logits: np.ndarray, found: Predictions, groups: list[Any] | None, num_resamples: int
) -> dict[str, tuple[float, float]]:
    if len(found.labels) < 2:
        return {}
    estimates = bootstrap_intervals(
        found.labels, logits.argmax(axis=1), groups=groups, method="percentile", num_resamples=num_resamples
    )
    return {name: (estimate.low, estimate.high) for name, estimate in estimates.items()}
