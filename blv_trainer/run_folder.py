"""What a run leaves behind: names of its files, their writers and readers, and whether it is finished.

``run.json`` is written when a run starts and holds its settings and conditions; ``metrics.json`` is written last, so a
run is finished if and only if it is there.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from blv_trainer import __version__
from blv_trainer.files import INCOMPLETE_FILE, write_text, write_whole

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.parquet"
HISTORY_FILE = "history.json"
SPEED_FILE = "speed.json"
RUN_FILE = "run.json"
CONFIG_FILE = "config.yaml"
EVALUATION_FILE = "evaluate.yaml"  # what evaluate was told; into the folder of a model it writes beside config.yaml
COMPARISON_FILE = "comparison.json"  # of many runs
RESULTS_FILE = Path("report", "results.json")  # of a comparison

_PACKAGES = ("torch", "transformers", "accelerate", "datasets", "numpy", "scikit-learn")
_PREDICTED = ("true_level", "prediction", "level", "expected_score", "logits")  # besides p_<label>
# Beside them where a decision was folded in, and on the first row of each group that was judged as a whole.
RAW_LOGITS, GROUP_LOGITS, RAW_GROUP_LOGITS = "raw_logits", "group_logits", "raw_group_logits"


@dataclass(frozen=True)
class Predictions:
    """The rows of one split, as ``predictions.parquet`` has them.

    Args:
        labels: ``(n,)``.
        logits: ``(n, num_classes)``.
        columns: what else is known of each row (id, speaker, region, ...), by column.
        raw_logits: from before the decision, ``(n, num_classes)``; None where none was folded in.
        by_group: of each group that was judged as a whole, with its first row's columns; None where none was.
    """

    labels: np.ndarray
    logits: np.ndarray
    columns: dict[str, list[Any]]
    raw_logits: np.ndarray | None = None
    by_group: Predictions | None = None


def is_finished(folder: Path) -> bool:
    """Whether a folder holds all that a run leaves."""
    return (folder / METRICS_FILE).is_file() and not (folder / INCOMPLETE_FILE).exists()


def conditions() -> dict[str, str]:
    """Versions and machine of this process."""
    import torch

    versions = {"blv_trainer": __version__, **{package: version(package) for package in _PACKAGES}}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    return {"python": platform.python_version(), **versions, "system": platform.platform(), "device": device}


def write_config(folder: str | Path, verb: str, *settings: Mapping[str, Any], name: str = CONFIG_FILE) -> Path:
    """Write ``config.yaml``, with which ``blv-trainer VERB --config`` repeats a run; what is None is left out.

    Args:
        folder: of the run.
        verb: of the command line.
        settings: by the names of the verb's flags; later ones win.
        name: of the file.

    Returns:
        The file.
    """
    given = {name: value for part in settings for name, value in part.items() if value is not None}
    path = Path(folder, name)
    write_text(path, f"# blv-trainer {verb} --config THIS_FILE repeats this run\n{yaml.safe_dump(given)}")
    return path


def read_config(folder: Path, name: str = CONFIG_FILE) -> dict[str, Any]:
    """What ``config.yaml``, or another such file, says; nothing where there is none."""
    path = folder / name
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.is_file() else {}


def write_predictions(folder: Path, tables: Sequence[pa.Table]) -> None:
    """Write ``predictions.parquet`` from tables that ``predictions_of_split`` made."""
    table = pa.concat_tables(tables, promote_options="default")  # not every split has groups
    write_whole(folder / PREDICTIONS_FILE, lambda path: pq.write_table(table, path))


def predictions_of_split(rows: Any, split: str, predictions: pa.Table) -> pa.Table:
    """Predictions beside the split's name, the true level and every column of its rows but the text.

    A column of the rows that has a name of ours gets ``input_`` before it.

    Args:
        rows: a ``datasets.Dataset``.
        split: its name.
        predictions: as ``prediction_table`` gives them, one line for each row.
    """
    table = rows.with_format("arrow")[:].combine_chunks()
    names = pa.array(name.removeprefix("p_") for name in predictions.column_names if name.startswith("p_"))
    columns = {"split": pa.array([split] * len(rows)), "label": table["label"]}
    columns |= {"true_level": names.take(columns["label"])}
    own = {*columns, *predictions.column_names}
    for name in table.column_names:
        if name not in ("text", "label"):  # what would be taken for ours is kept under another name
            columns[f"input_{name}" if name in own or name.startswith("p_") else name] = table[name]
    return pa.table(columns | {name: predictions[name] for name in predictions.column_names})


def read_predictions(folder: Path) -> dict[str, Predictions]:
    """The rows of each split; none where there is no ``predictions.parquet``.

    Raises:
        ValueError: the file is not one that ``train`` or ``evaluate`` wrote.
    """
    path = folder / PREDICTIONS_FILE
    if not path.is_file():
        return {}
    table = pq.read_table(path, partitioning=None)  # a folder may be called "sigma=6"
    if not {"split", "label", "logits"} <= {*table.column_names}:
        raise ValueError(f"{path} has no columns split, label and logits: make it with blv-trainer train or evaluate.")
    splits = pc.unique(table["split"]).to_pylist()
    return {split: _predictions(table.filter(pc.equal(table["split"], split))) for split in splits}


def _predictions(rows: pa.Table, logits: str = "logits", raw_logits: str = RAW_LOGITS) -> Predictions:
    """The rows of one split, or of its groups."""
    found, by_group = {*rows.column_names}, None
    if logits == "logits" and GROUP_LOGITS in found:
        of_groups = rows.filter(pc.is_valid(rows[GROUP_LOGITS]))
        by_group = _predictions(of_groups, GROUP_LOGITS, RAW_GROUP_LOGITS) if len(of_groups) else None
    own = {"split", "label", *_PREDICTED, RAW_LOGITS, GROUP_LOGITS, RAW_GROUP_LOGITS}
    known = [name for name in rows.column_names if name not in own and not name.startswith("p_")]
    is_decided = raw_logits in found and rows[raw_logits].null_count == 0
    return Predictions(
        np.asarray(rows["label"].to_pylist(), dtype=np.int64),
        np.asarray(rows[logits].to_pylist(), dtype=np.float64),
        {name: rows[name].to_pylist() for name in known},
        np.asarray(rows[raw_logits].to_pylist(), dtype=np.float64) if is_decided else None,
        by_group,
    )


def predicted_labels(folder: Path) -> list[str]:
    """The labels, lowest first, that predictions in a folder were made for; none where there are no predictions."""
    path = folder / PREDICTIONS_FILE
    names: Iterable[str] = pq.read_schema(path).names if path.is_file() else ()
    return [name.removeprefix("p_") for name in names if name.startswith("p_")]


def read_json(path: Path) -> Any:
    """What a JSON file holds; None where there is no such file.

    Raises:
        ValueError: it is no JSON.
    """
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): make it again, or remove it.") from error
