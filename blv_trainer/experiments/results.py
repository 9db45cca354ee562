"""Reads the finished runs of a comparison back: logits, labels, what is known of each sample, histories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from blv_trainer.experiments.methods import Method, parse_methods
from blv_trainer.experiments.runs import RUN_FILE, is_finished, run_folder
from blv_trainer.experiments.training import COMPARISON_FILE, HISTORY_FILE, PREDICTIONS_FILE, SPEED_FILE
from blv_trainer.losses import ImbalanceLoss

_AGAIN = "remove its folder and give the command that made it again."
SUBGROUPS = ("region", "task", "sex", "gender", "l1")  # columns that a table of subgroups is made of, where known


@dataclass(frozen=True)
class MethodRuns:
    """All runs of one method.

    Args:
        method: the method.
        loss: the loss as it trained, built from the class counts.
        validation_logits: ``(num_runs, n_validation, num_classes)``.
        test_logits: ``(num_runs, n_test, num_classes)``.
        train_logits: of some training rows of the first run, ``(n, num_classes)``; None where none were kept.
        train_labels: of these rows.
        histories: what each run logged.
        conditions: of each run: versions, machine, settings.
        seconds: training time of each run; of one that was stopped, since it last went on.
    """

    method: Method
    loss: ImbalanceLoss
    validation_logits: np.ndarray
    test_logits: np.ndarray
    train_logits: np.ndarray | None
    train_labels: np.ndarray | None
    histories: list[list[dict[str, Any]]]
    conditions: list[dict[str, Any]]
    seconds: list[float]


@dataclass(frozen=True)
class Results:
    """A whole comparison.

    Args:
        names: the labels, lowest first.
        class_counts: rows of each class, by split.
        seeds: one run of each method for each.
        methods: in the order in which they were named; the first is what the others are compared with.
        validation_labels: ``(n_validation,)``.
        test_labels: ``(n_test,)``.
        test_columns: what else is known of each test sample (id, speaker, region, ...), by column.
        description: everything else in ``comparison.json``.
    """

    names: list[str]
    class_counts: dict[str, list[int]]
    seeds: list[int]
    methods: list[MethodRuns]
    validation_labels: np.ndarray
    test_labels: np.ndarray
    test_columns: dict[str, list[Any]]
    description: dict[str, Any]

    @property
    def groups(self) -> list[Any] | None:
        """The speaker of each test sample, where speakers are known."""
        speakers = self.test_columns.get("speaker")
        return None if speakers is None or None in speakers else speakers


def read_results(output_dir: str | Path) -> Results:
    """Read a comparison.

    Args:
        output_dir: as given to ``compare``.

    Returns:
        The results of the methods and seeds that were compared last in this folder.

    Raises:
        FileNotFoundError: there is no comparison, or a run of it is not finished.
        ValueError: runs were made on different rows, or a file is damaged.
    """
    path = Path(output_dir, COMPARISON_FILE)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: make the runs first with blv-trainer compare.")
    facts = _json(path)
    if not _is_comparison(facts):
        raise ValueError(f"{path} is damaged: give the command that made it again.")
    names, counts, seeds = facts.pop("label_names"), facts.pop("class_counts"), facts.pop("seeds")
    methods = parse_methods(facts.pop("methods"))
    reference: dict[str, Any] = {}
    read = [_read_method(Path(output_dir), method, seeds, counts["train"], reference) for method in methods]
    return Results(names, counts, seeds, read, description=facts, **reference)


def _is_comparison(facts: Any) -> bool:
    if not isinstance(facts, dict) or not facts.keys() >= {"label_names", "class_counts", "seeds", "methods"}:
        return False
    lists = (facts["label_names"], facts["seeds"], facts["methods"])
    counts: Any = facts["class_counts"].get("train") if isinstance(facts["class_counts"], dict) else None
    return (
        all(isinstance(values, list) and values for values in (*lists, counts))
        and all(isinstance(name, str) for name in (*facts["label_names"], *facts["methods"]))
        and all(type(number) is int for number in (*facts["seeds"], *counts))  # a seed is part of a folder's name
    )


def _read_method(
    output_dir: Path, method: Method, seeds: list[int], class_counts: list[int], reference: dict[str, Any]
) -> MethodRuns:
    validation, test, histories, conditions, seconds = [], [], [], [], []
    train_logits = train_labels = None
    for seed in seeds:
        folder = run_folder(output_dir, method, seed)
        if not is_finished(folder):
            raise FileNotFoundError(f"{folder} holds no finished run: give the command that made the others again.")
        splits = _read_predictions(folder / PREDICTIONS_FILE)
        rows: dict[str, Any] = {
            "validation_labels": _labels(splits["validation"]),
            "test_labels": _labels(splits["test"]),
            "test_columns": _known(splits["test"]),
        }
        if not reference:
            reference.update(rows)
        elif any(not np.array_equal(rows[key], reference[key]) for key in ("validation_labels", "test_labels")):
            raise ValueError(f"{folder} was made on other rows than the runs before it: compare each dataset apart.")
        validation.append(_logits(splits["validation"]))
        test.append(_logits(splits["test"]))
        if "train" in splits and train_logits is None:
            train_logits, train_labels = _logits(splits["train"]), _labels(splits["train"])
        histories.append(_json(folder / HISTORY_FILE))
        conditions.append(_json(folder / RUN_FILE))
        seconds.append(_json(folder / SPEED_FILE)["train"].get("train_runtime"))
    return MethodRuns(
        method,
        method.build(class_counts),
        np.stack(validation),
        np.stack(test),
        train_logits,
        train_labels,
        histories,
        conditions,
        seconds,
    )


def _read_predictions(path: Path) -> dict[str, Any]:
    try:
        table = pq.read_table(path, partitioning=None)  # a folder may be called "sigma=6"
        table.validate(full=True)
        table.select(["label", "logits"])
        names = pc.unique(table["split"]).to_pylist()
    except (pa.ArrowException, OSError, LookupError) as error:
        raise ValueError(f"{path} is damaged ({error}): {_AGAIN}") from error
    if not {"validation", "test"} <= {*names}:
        raise ValueError(f"{path} lacks validation or test rows: {_AGAIN}")
    return {split: table.filter(pc.equal(table["split"], split)) for split in names}


def _logits(table: pa.Table) -> np.ndarray:
    return np.asarray(table["logits"].to_pylist(), dtype=np.float64)


def _labels(table: pa.Table) -> np.ndarray:
    return np.asarray(table["label"].to_pylist(), dtype=np.int64)


def _known(table: pa.Table) -> dict[str, list[Any]]:
    ours = ("split", "label", "prediction", "level", "expected_score", "logits")
    names = [name for name in table.column_names if name not in ours and not name.startswith("p_")]
    return {name: table[name].to_pylist() for name in names}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): {_AGAIN}") from error
