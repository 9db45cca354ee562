"""Everything that the report says in numbers, as plain types: ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from blv_trainer.experiments.report.rows import Row, choose, validation_score
from blv_trainer.experiments.resampling import Estimate
from blv_trainer.experiments.results import SUBGROUPS, Results
from blv_trainer.experiments.statistics import (
    bootstrap_differences,
    bootstrap_intervals,
    holm,
    minimum_detectable_difference,
    permutation_p_values,
)
from blv_trainer.experiments.subgroups import subgroup_table

NUM_RESAMPLES = 10_000


def analyse(
    results: Results,
    rows: list[Row],
    *,
    tune_for: Mapping[str, float],
    num_resamples: int = NUM_RESAMPLES,
) -> dict[str, Any]:
    """Intervals, differences to the first row with Holm-corrected tests, and what was chosen on validation.

    Args:
        results: the comparison.
        rows: as ``make_rows`` gives them; the first is the baseline.
        tune_for: weights of the metrics that "tuned" and the choice look at.
        num_resamples: of each bootstrap and permutation test.

    Returns:
        "rows" (one entry for each row: metrics on test and validation, intervals, differences, p-values, decisions),
        "detectable_difference" by metric, "chosen" (a row's key), and what they rest on.
    """
    baseline, labels, groups = rows[0], results.test_labels, results.groups
    settings: dict[str, Any] = {"groups": groups, "seed": 0}
    entries, p_values, errors = {}, {}, {}
    for row in rows:
        intervals = bootstrap_intervals(labels, row.predictions, num_resamples=num_resamples, **settings)
        entries[row.key] = _entry(row, intervals, validation_score(row, tune_for))
        if row is not baseline and not np.array_equal(row.predictions, baseline.predictions):
            pair: dict[str, Any] = {"baseline": baseline.predictions, **settings}
            differences = bootstrap_differences(labels, row.predictions, num_resamples=num_resamples, **pair)
            entries[row.key]["differences"] = {name: estimate._asdict() for name, estimate in differences.items()}
            tested = permutation_p_values(labels, row.predictions, num_permutations=num_resamples, **pair)
            p_values[row.key] = tested
            errors[row.key] = {name: estimate.standard_error for name, estimate in differences.items()}
    for metric in results_metrics(rows):
        corrected = holm({key: tested[metric] for key, tested in p_values.items() if metric in tested})
        for key, p in corrected.items():
            entries[key]["p_values"][metric] = {"p": p_values[key][metric], "holm": p}
    return {
        "label_names": results.names,
        "class_counts": results.class_counts,
        "seeds": results.seeds,
        "num_test": len(labels),
        "resampled": "speakers" if groups is not None else "samples",
        "num_groups": len(set(groups)) if groups is not None else len(labels),
        "num_resamples": num_resamples,
        "tuned_for": dict(tune_for),
        "baseline": baseline.key,
        "chosen": choose(rows, tune_for).key,
        "detectable_difference": _detectable(errors),
        "rows": entries,
        "subgroups": {row.key: _subgroups(results, row) for row in rows},
    }


def results_metrics(rows: list[Row]) -> list[str]:
    """Names of all metrics."""
    return list(rows[0].test)


def subgroup_columns(results: Results) -> dict[str, list[Any]]:
    """The columns of the test rows that subgroups are made of."""
    return {name: values for name, values in results.test_columns.items() if name.lower() in SUBGROUPS}


def _entry(row: Row, intervals: dict[str, Estimate], score: float) -> dict[str, Any]:
    return {
        "method": row.runs.method.spec,
        "title": row.runs.method.title,
        "decision": row.decision,
        "test": {name: {"mean": spread.mean, "sd_over_seeds": spread.sd} for name, spread in row.test.items()},
        "intervals": {name: {"low": estimate.low, "high": estimate.high} for name, estimate in intervals.items()},
        "validation": {name: spread.mean for name, spread in row.validation.items()},
        "validation_score": score,
        "decisions": [decision.to_dict() for decision in row.decisions],
        "differences": {},
        "p_values": {},
    }


def _subgroups(results: Results, row: Row) -> list[dict[str, Any]]:
    groups = subgroup_table(results.test_labels, row.predictions, subgroup_columns(results))
    return [{**vars(group), "flagged": group.flagged} for group in groups]


def _detectable(errors: dict[str, dict[str, float]]) -> dict[str, float]:
    """Smallest true difference to the baseline that would be found, for the median of the pairs at hand."""
    detectable = {}
    for metric in dict.fromkeys(metric for pair in errors.values() for metric in pair):
        defined = [pair[metric] for pair in errors.values() if np.isfinite(pair[metric])]
        if defined:
            detectable[metric] = minimum_detectable_difference(float(np.median(defined)))
    return detectable
