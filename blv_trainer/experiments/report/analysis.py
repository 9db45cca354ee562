"""Everything that the report says in numbers, as plain types: ``results.json``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from blv_trainer.corpora.icnale import is_about_icnale
from blv_trainer.decision import BALANCED, BALANCED_AT_LEAST
from blv_trainer.evaluation import Scores, holm, minimum_detectable_difference
from blv_trainer.experiments.report.rows import Row, choose, objective
from blv_trainer.experiments.results import Results
from blv_trainer.metrics import METRICS


def analyse(results: Results, rows: list[Row], *, tune_for: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Intervals, differences to the first row with Holm-corrected tests, and what was chosen.

    "rows" has one entry for each row, "by_group" the same for whole groups where there are any,
    "detectable_difference" a value for each metric, "chosen" is a row's key.
    """
    baseline = rows[0]
    entries, detectable = _entries(rows, {row.key: row.test for row in rows}, tune_for)
    analysis: dict[str, Any] = {
        "label_names": results.names,
        "is_icnale": is_about_icnale([results.description.get("source", "")], results.test.columns.get("id", [])),
        "class_counts": results.class_counts,
        "seeds": results.seeds,
        "num_folds": 0 if results.folds is None else int(results.folds.max()) + 1,
        "num_test": len(results.test.labels),
        "resampled": baseline.test.resampled,
        "num_groups": baseline.test.num_groups,
        "num_resamples": baseline.test.num_resamples,
        "tuned_for": dict(tune_for or BALANCED),
        "at_least": {} if tune_for else dict(BALANCED_AT_LEAST),
        "baseline": baseline.key,
        "chosen": choose(rows, tune_for).key,
        "detectable_difference": detectable,
        "rows": entries,
        "by_group": {},
        "subgroups": {
            row.key: [{**vars(group), "flagged": group.flagged} for group in row.test.subgroups] for row in rows
        },
    }
    if of_groups := {row.key: row.by_group for row in rows if row.by_group is not None}:
        found = next(iter(of_groups.values()))
        analysis["by_group"], analysis["detectable_by_group"] = _entries(rows, of_groups, tune_for)
        analysis["judged_groups"] = {"column": results.group_column, "number": len(found.labels)}
        analysis["judged_groups"]["with_two_labels"] = baseline.test.num_groups - len(found.labels)
    if results.description.get("human"):
        analysis["human"] = results.description["human"]
    return analysis


def as_csv(analysis: dict[str, Any]) -> str:
    """A line for each level, method, decision and metric, in full precision; the published rows are not among them."""
    keys = ["mean", "sd_over_seeds", "low", "high", "difference", "difference_low", "difference_high", "p", "p_holm"]
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["of", "method", "decision", "metric", "seeds", *keys])
    levels = [("answers", entry) for entry in analysis["rows"].values()]
    for level, entry in [*levels, *(("groups", entry) for entry in analysis["by_group"].values())]:
        for metric, spread in entry["test"].items():
            interval, difference, p = (entry[part].get(metric, {}) for part in ("intervals", "differences", "p_values"))
            values = [*spread.values(), interval.get("low"), interval.get("high")]
            values += [*map(difference.get, ("value", "low", "high")), p.get("p"), p.get("holm")]
            cells = ["" if value is None or value != value else repr(float(value)) for value in values]
            writer.writerow([level, entry["method"], entry["decision"], metric, len(analysis["seeds"]), *cells])
    return lines.getvalue()


def _entries(
    rows: list[Row], scores: Mapping[str, Scores], tune_for: Mapping[str, float] | None
) -> tuple[dict[str, Any], dict[str, float]]:
    """An entry for each row, by its key, and the detectable differences."""
    baseline = scores[rows[0].key]
    entries, p_values, errors = {}, {}, {}
    for row in rows:
        own = scores[row.key]
        entries[row.key] = _entry(row, own, objective(row, rows[0], tune_for))
        if own is not baseline and not np.array_equal(own.predictions, baseline.predictions):
            differences = own.differences(baseline)
            entries[row.key]["differences"] = {name: estimate._asdict() for name, estimate in differences.items()}
            p_values[row.key] = own.p_values(baseline)
            errors[row.key] = {name: estimate.standard_error for name, estimate in differences.items()}
    for metric in METRICS:
        corrected = holm({key: tested[metric] for key, tested in p_values.items() if metric in tested})
        for key, p in corrected.items():
            entries[key]["p_values"][metric] = {"p": p_values[key][metric], "holm": p}
    return entries, _detectable(errors)


def _entry(row: Row, scores: Scores, score: float) -> dict[str, Any]:
    return {
        "method": row.runs.method.spec,
        "title": row.runs.method.title,
        "decision": row.decision,
        "test": {name: {"mean": spread.mean, "sd_over_seeds": spread.sd} for name, spread in scores.metrics.items()},
        **scores.in_units(),
        "intervals": {name: {"low": found.low, "high": found.high} for name, found in scores.intervals.items()},
        "judged": row.judged.values,
        "objective": score,
        "decisions": [decision.to_dict() for decision in row.decisions],
        "differences": {},
        "p_values": {},
    }


def _detectable(errors: dict[str, dict[str, float]]) -> dict[str, float]:
    """Smallest true difference to the baseline that would be found, for the median of the pairs at hand."""
    detectable = {}
    for metric in dict.fromkeys(metric for pair in errors.values() for metric in pair):
        if defined := [pair[metric] for pair in errors.values() if np.isfinite(pair[metric])]:
            detectable[metric] = minimum_detectable_difference(float(np.median(defined)))
    return detectable
