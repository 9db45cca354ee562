"""Reads the finished runs of a comparison back: logits, labels, what is known of each sample, histories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from blv_trainer.experiments.methods import Method, parse_methods
from blv_trainer.experiments.runs import folder_of, is_finished
from blv_trainer.losses import ImbalanceLoss
from blv_trainer.run_folder import COMPARISON_FILE, HISTORY_FILE, RUN_FILE, SPEED_FILE, read_json, read_predictions


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


def read_results(output_dir: str | Path) -> Results:
    """Read the methods and seeds that were compared last in a folder.

    Raises:
        FileNotFoundError: there is no comparison, or a run of it is not finished.
        ValueError: runs were made on different rows, or a file is damaged.
    """
    path = Path(output_dir, COMPARISON_FILE)
    facts = read_json(path)
    if facts is None:
        raise FileNotFoundError(f"{path} does not exist: make the runs first with blv-trainer compare.")
    names, counts, seeds = facts.pop("label_names"), facts.pop("class_counts"), facts.pop("seeds")
    methods = parse_methods(facts.pop("methods"))
    rows: dict[str, Any] = {}
    read = [_read_method(Path(output_dir), method, seeds, counts["train"], rows) for method in methods]
    return Results(names, counts, seeds, read, description=facts, **rows)


def _read_method(
    output_dir: Path, method: Method, seeds: list[int], class_counts: list[int], rows: dict[str, Any]
) -> MethodRuns:
    """The runs of one method; ``rows`` is filled from the first run of all, and compared with that of the others."""
    folders = [folder_of(output_dir, method, seed) for seed in seeds]
    splits = []
    for folder in folders:
        if not is_finished(folder):
            raise FileNotFoundError(f"{folder} holds no finished run: give the command that made the others again.")
        found = read_predictions(folder)
        if not {"validation", "test"} <= {*found}:
            raise ValueError(f"{folder} lacks validation or test rows: give the command that made it again.")
        labels = {f"{split}_labels": found[split].labels for split in ("validation", "test")}
        if not rows:
            rows.update(labels, test_columns=found["test"].columns)
        elif any(not np.array_equal(labels[key], rows[key]) for key in labels):
            raise ValueError(f"{folder} was made on other rows than the runs before it: compare each dataset apart.")
        splits.append(found)
    train = splits[0].get("train")
    return MethodRuns(
        method,
        method.build(class_counts),
        np.stack([found["validation"].logits for found in splits]),
        np.stack([found["test"].logits for found in splits]),
        None if train is None else train.logits,
        None if train is None else train.labels,
        [read_json(folder / HISTORY_FILE) for folder in folders],
        [read_json(folder / RUN_FILE) for folder in folders],
        [read_json(folder / SPEED_FILE)["train"].get("train_runtime") for folder in folders],
    )
