"""Predictions in the form that ETS' ``rsmeval`` reads: a CSV and the JSON that describes it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from blv_trainer.experiments.analysis import subgroup_columns
from blv_trainer.experiments.results import Results
from blv_trainer.experiments.rows import Row
from blv_trainer.experiments.training import write_json


def write_rsmeval(results: Results, row: Row, folder: Path) -> Path:
    """Write ``<name>.csv`` and ``<name>.json`` for one method and decision, first seed.

    Levels run from 1, because RSMTool leaves zero scores out by default. ``raw`` is the expected score.

    Args:
        results: the comparison.
        row: the method and decision.
        folder: where to.

    Returns:
        The JSON file: ``rsmeval FILE OUTPUT_DIR``.
    """
    name = re.sub(r"[^A-Za-z0-9.]+", "_", row.key)
    subgroups = subgroup_columns(results)
    number = range(1, len(results.test_labels) + 1)
    columns = {
        "spkitemid": results.test_columns.get("id", [f"row_{k}" for k in number]),
        "sc1": (results.test_labels + 1).tolist(),
        "raw": [f"{score:.6f}" for score in row.expected_scores[0] + 1],
        **subgroups,
    }
    config = {
        "experiment_id": name,
        "description": f"{row.title}, seed {results.seeds[0]}; raw is the expected score, levels "
        f"{', '.join(f'{k + 1} = {label}' for k, label in enumerate(results.names))}.",
        "predictions_file": f"{name}.csv",
        "id_column": "spkitemid",
        "human_score_column": "sc1",
        "system_score_column": "raw",
        "trim_min": 1,
        "trim_max": len(results.names),
        "scale_with": "asis",
        "subgroups": list(subgroups),
    }
    if results.groups is not None:
        columns["candidate"] = results.groups
        config["candidate_column"] = "candidate"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    write_json(folder / f"{name}.json", config)
    return folder / f"{name}.json"
