"""Everything that the report says in numbers, as plain types: ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from blv_trainer.evaluation import holm, minimum_detectable_difference
from blv_trainer.experiments.report.rows import Row, choose, validation_score
from blv_trainer.experiments.results import Results
from blv_trainer.metrics import METRICS


def analyse(results: Results, rows: list[Row], *, tune_for: Mapping[str, float]) -> dict[str, Any]:
    """Intervals, differences to the first row with Holm-corrected tests, and what was chosen on validation.

    "rows" has one entry for each row, "detectable_difference" a value for each metric, "chosen" is a row's key.
    """
    baseline = rows[0]
    entries, p_values, errors = {}, {}, {}
    for row in rows:
        entries[row.key] = _entry(row, validation_score(row, tune_for))
        if row is not baseline and not np.array_equal(row.test.predictions, baseline.test.predictions):
            differences = row.test.differences(baseline.test)
            entries[row.key]["differences"] = {name: estimate._asdict() for name, estimate in differences.items()}
            p_values[row.key] = row.test.p_values(baseline.test)
            errors[row.key] = {name: estimate.standard_error for name, estimate in differences.items()}
    for metric in METRICS:
        corrected = holm({key: tested[metric] for key, tested in p_values.items() if metric in tested})
        for key, p in corrected.items():
            entries[key]["p_values"][metric] = {"p": p_values[key][metric], "holm": p}
    return {
        "label_names": results.names,
        "class_counts": results.class_counts,
        "seeds": results.seeds,
        "num_test": len(results.test_labels),
        "resampled": baseline.test.resampled,
        "num_groups": baseline.test.num_groups,
        "num_resamples": baseline.test.num_resamples,
        "tuned_for": dict(tune_for),
        "baseline": baseline.key,
        "chosen": choose(rows, tune_for).key,
        "detectable_difference": _detectable(errors),
        "rows": entries,
        "subgroups": {
            row.key: [{**vars(group), "flagged": group.flagged} for group in row.test.subgroups] for row in rows
        },
    }


def _entry(row: Row, score: float) -> dict[str, Any]:
    return {
        "method": row.runs.method.spec,
        "title": row.runs.method.title,
        "decision": row.decision,
        "test": {name: {"mean": spread.mean, "sd_over_seeds": spread.sd} for name, spread in row.test.metrics.items()},
        "intervals": {name: {"low": found.low, "high": found.high} for name, found in row.test.intervals.items()},
        "validation": row.validation.values,
        "validation_score": score,
        "decisions": [decision.to_dict() for decision in row.decisions],
        "differences": {},
        "p_values": {},
    }


def _detectable(errors: dict[str, dict[str, float]]) -> dict[str, float]:
    """Smallest true difference to the baseline that would be found, for the median of the pairs at hand."""
    detectable = {}
    for metric in dict.fromkeys(metric for pair in errors.values() for metric in pair):
        defined = [pair[metric] for pair in errors.values() if np.isfinite(pair[metric])]
        if defined:
            detectable[metric] = minimum_detectable_difference(float(np.median(defined)))
    return detectable
