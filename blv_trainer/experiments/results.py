"""Reads the finished runs of a comparison back: logits, labels, what is known of each sample, histories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from blv_trainer.evaluation import NUM_RESAMPLES, Scores
from blv_trainer.experiments.decisions import Answers, as_groups
from blv_trainer.experiments.folds import out_of_fold
from blv_trainer.experiments.methods import Method, parse_methods
from blv_trainer.experiments.runs import fold_folder, folder_of, is_finished
from blv_trainer.losses import ImbalanceLoss
from blv_trainer.run_folder import (
    COMPARISON_FILE,
    HISTORY_FILE,
    RUN_FILE,
    SPEED_FILE,
    Predictions,
    read_json,
    read_predictions,
)


@dataclass(frozen=True)
class MethodRuns:
    """All runs of one method."""

    method: Method
    loss: ImbalanceLoss  # as it trained, built from the class counts
    test_logits: np.ndarray  # (num_seeds, n, num_classes)
    validation_logits: np.ndarray | None  # (num_seeds, n_validation, num_classes); None with folds
    train_logits: np.ndarray | None  # of some training rows of the first run, (n, num_classes); None if none were kept
    train_labels: np.ndarray | None  # of these rows
    histories: list[list[dict[str, Any]]]  # what each run logged
    conditions: list[dict[str, Any]]  # of each run: versions, machine, settings
    seconds: list[float]  # training time of each seed; of one that was stopped, since it last went on


@dataclass(frozen=True)
class Results:
    """A whole comparison."""

    names: list[str]  # the labels, lowest first
    class_counts: dict[str, list[int]]  # rows of each class, by split
    seeds: list[int]  # one run of each method for each, or one of each fold
    methods: list[MethodRuns]  # in the order in which they were named; the others are compared with the first
    test: Predictions  # the rows that are judged: the test split, or with folds all rows
    validation: Predictions | None  # the rows that decisions are tuned on; None with folds
    folds: np.ndarray | None  # which fold each row was tested in, (num_seeds, n); None without folds
    group_column: str | None  # whose answers belong together; None for no column
    description: dict[str, Any]  # everything else in comparison.json

    @property
    def train_counts(self) -> list[int]:
        """Training rows of each class; with folds all rows, of which each run had most."""
        return self.class_counts["train"]

    def scores(self, rows: Predictions, logits: ArrayLike, num_resamples: int = NUM_RESAMPLES) -> Scores:
        """What logits of some rows are worth."""
        named = {"group_column": self.group_column, "subgroup_columns": self.description.get("subgroup_columns")}
        return Scores(rows.labels, logits, self.names, rows.columns, num_resamples, **named)

    def answers(self, rows: Predictions, logits: np.ndarray) -> Answers:
        """One run's logits of some rows, with their labels and groups."""
        return Answers(logits, rows.labels, as_groups(self.scores(rows, logits).groups))


def read_results(output_dir: str | Path) -> Results:
    """Read the methods and seeds that were compared last in a folder; all of their runs must be finished."""
    path = Path(output_dir, COMPARISON_FILE)
    facts = read_json(path)
    if facts is None:
        raise FileNotFoundError(f"{path} does not exist: make the runs first with blv-trainer compare.")
    names, counts, seeds = facts.pop("label_names"), facts.pop("class_counts"), facts.pop("seeds")
    methods, num_folds = parse_methods(facts.pop("methods")), facts.pop("num_folds", 0)
    group_column = facts.pop("group_column", None)
    rows: dict[str, Any] = {}
    read = [_read_method(Path(output_dir), method, seeds, num_folds, counts["train"], rows) for method in methods]
    return Results(names, counts, seeds, read, group_column=group_column, description=facts, **rows)


def _read_method(
    output_dir: Path, method: Method, seeds: list[int], num_folds: int, class_counts: list[int], rows: dict[str, Any]
) -> MethodRuns:
    """The runs of one method; ``rows`` is filled from the first method's, and compared with that of the others."""
    by_seed = [_read_seed(folder_of(output_dir, method, seed), num_folds) for seed in seeds]
    tests, validations, folds = zip(*(found[:3] for found in by_seed), strict=True)
    if not rows:
        rows.update(test=tests[0], validation=validations[0], folds=np.stack(folds) if num_folds else None)
    for k, (test, validation, fold) in enumerate(zip(tests, validations, folds, strict=True)):
        same = np.array_equal(test.labels, rows["test"].labels)
        same &= num_folds > 0 or np.array_equal(validation.labels, rows["validation"].labels)
        same &= num_folds == 0 or np.array_equal(fold, rows["folds"][k])
        if not same:
            where = folder_of(output_dir, method, seeds[k])
            raise ValueError(f"{where} was made on other rows than the runs before it: compare each dataset apart.")
    folders = [folder for found in by_seed for folder in found[3]]
    train = read_predictions(folders[0]).get("train")
    seconds = [
        [read_json(folder / SPEED_FILE)["train"].get("train_runtime") for folder in found[3]] for found in by_seed
    ]
    return MethodRuns(
        method,
        method.build(class_counts),
        np.stack([test.logits for test in tests]),
        None if num_folds else np.stack([validation.logits for validation in validations]),
        None if train is None else train.logits,
        None if train is None else train.labels,
        [read_json(folder / HISTORY_FILE) for folder in folders],
        [read_json(folder / RUN_FILE) for folder in folders],
        [sum(filter(None, of_seed)) for of_seed in seconds],
    )


def _read_seed(folder: Path, num_folds: int) -> tuple[Predictions, Predictions | None, np.ndarray | None, list[Path]]:
    """Test rows, validation rows, the fold of each test row, and the folders of one seed's runs."""
    folders = [fold_folder(folder, fold) for fold in range(num_folds)] or [folder]
    for of_run in folders:
        if not is_finished(of_run):
            raise FileNotFoundError(f"{of_run} holds no finished run: give the command that made the others again.")
    if num_folds:
        test, folds = out_of_fold(folders)
        return test, None, folds, folders
    found = read_predictions(folder)
    if not {"validation", "test"} <= {*found}:
        raise ValueError(f"{folder} lacks validation or test rows: give the command that made it again.")
    return found["test"], found["validation"], None, folders
