"""Predictions in the form that ETS' ``rsmeval`` reads: a CSV and two JSON files that describe it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from blv_trainer.corpora import as_cell
from blv_trainer.evaluation import Scores
from blv_trainer.experiments.report.rows import Row
from blv_trainer.files import write_json


def write_rsmeval(row: Row, folder: Path, *, seed: int) -> Path:
    """Write ``<name>.csv``, ``<name>.json`` and ``<name>_expected.json`` of the first run; returns the first JSON file.

    The first JSON has the predicted levels judged, so that RSMTool's exact agreement, weighted kappa, SMD and DSM are
    the accuracy, QWK, SMD and DSM of this report; the second the expected scores, which are not whole numbers. Levels
    are positions from 1 whatever they are called, because RSMTool leaves zero scores out and rounds halves.
    """
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", row.key)
    scores = row.test
    subgroups = scores.subgroup_columns
    columns = {
        "spkitemid": _ids(scores),
        "sc1": (scores.labels + 1).tolist(),
        "level": (scores.predictions[0] + 1).tolist(),
        "raw": [f"{score:.6f}" for score in scores.expected_positions[0]],
        **subgroups,
    }
    config = {
        "predictions_file": f"{name}.csv",
        "id_column": "spkitemid",
        "human_score_column": "sc1",
        "trim_min": 1,
        "trim_max": len(scores.names),
        "scale_with": "asis",
        "subgroups": list(subgroups),
    }
    if scores.groups is not None:
        columns["candidate"] = scores.groups
        config["candidate_column"] = "candidate"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for cells in zip(*columns.values(), strict=True):
            writer.writerow(map(as_cell, cells))
    levels = ", ".join(f"{k} = {label}" for k, label in enumerate(scores.names, start=1))
    about = f"{row.title}, seed {seed}; levels {levels}"
    for suffix, column, words in (("", "level", "predicted levels"), ("_expected", "raw", "expected scores")):
        this = {"experiment_id": name + suffix, "description": f"{about}; {words}.", "system_score_column": column}
        write_json(folder / f"{name}{suffix}.json", {**this, **config})
    return folder / f"{name}.json"


def _ids(scores: Scores) -> Sequence[Any]:
    """The samples' own ids where they tell the samples apart, which RSMTool asks for."""
    ids = scores.columns.get("id", [])
    numbered = [f"row_{k}" for k in range(1, len(scores.labels) + 1)]
    return ids if len({*ids}) == len(numbered) else numbered
