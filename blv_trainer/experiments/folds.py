"""Which rows train and which are judged: folds, so that every row is tested once a seed, or rows held out."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets import Dataset, DatasetDict, concatenate_datasets

from blv_trainer.corpora import groups_of, k_folds, rare_labels_note, split_by_group
from blv_trainer.run_folder import Predictions, read_predictions

logger = logging.getLogger(__name__)

ROW_COLUMN = "row_of_data"  # where a row of a fold stands among all rows, from 0; beside the predictions
HELD_OUT = 0.1  # share of all rows, for each split that is missing
_VALIDATION = 0.1  # share of a fold's training rows, cut where the best checkpoint is to be found


def join_splits(dataset: DatasetDict, *, by: str | None = None) -> DatasetDict:
    """All labelled rows as one split "train": in the order train, validation, test, then others, or sorted ``by``."""
    order = [*(name for name in ("train", "validation", "test") if name in dataset)]
    parts = [dataset[name] for name in order + [name for name in dataset if name not in order]]
    rows = concatenate_datasets(parts) if len(parts) > 1 else parts[0]
    return DatasetDict(train=rows if by is None else rows.sort(by).flatten_indices())


def complete_splits(
    dataset: DatasetDict, group_column: str | None = None, *, seed: int
) -> tuple[DatasetDict, list[str]]:
    """Hold out a tenth of the training rows for each of "validation" and "test" that is missing, stratified by label.

    Rows of one group stay together where there is a group column, copies of one text where there is none.

    Args:
        dataset: "train" and perhaps the others, with columns ``text`` and ``label``.
        group_column: whose answers belong together, such as ``speaker``; None for no column.
        seed: of the choice; the same on every machine.

    Returns:
        The dataset with all three splits, and a note on what was held out.

    Raises:
        ValueError: there are too few rows to hold any out.
    """
    missing = [split for split in ("validation", "test") if split not in dataset]
    if not missing:
        return dataset, []
    train = dataset["train"]
    fractions = (1 - HELD_OUT * len(missing), *[HELD_OUT] * len(missing))
    labels, groups = list(train["label"]), groups_of(train, group_column)
    split = split_by_group(labels, groups, fractions=fractions, names=("train", *missing), seed=seed)
    parts = {name: train.select(np.flatnonzero(split == name)) for name in ("train", *missing)}
    if empty := [name for name, rows in parts.items() if not len(rows)]:
        raise ValueError(
            f"{len(train)} training rows are too few to hold out {' and '.join(empty)} rows: give --validation_file "
            "and --test_file."
        )
    together = "copies of one text" if group_column is None else f"rows with the same {group_column}"
    note = (
        f"{' and '.join(missing)} rows were held out of {len(train)} training rows, {HELD_OUT:.0%} each, stratified by "
        f"label, {together} together (seed {seed})."
    )
    logger.info(note)
    return DatasetDict({**dataset, **parts}), [note]


def check_folds(rows: Dataset, num_folds: int, group_column: str | None) -> list[str]:
    """A note on levels with fewer groups than folds; a ValueError for a number of folds that is not possible."""
    groups = groups_of(rows, group_column)
    num_groups = len({*groups})
    if not 2 <= num_folds <= num_groups:
        whose = "texts" if group_column is None else f"groups ({group_column})"
        raise ValueError(
            f"--folds {num_folds} is not possible with {num_groups} {whose}: give a number from 2 to {num_groups}, or "
            "0 and a --test_file."
        )
    labels = rows.features["label"].int2str(rows["label"][:])
    repeated = Counter(label for label, _ in {*zip(labels, groups, strict=True)})
    if sum(count > 1 for count in repeated.values()) < 2:
        found = ", ".join(f"{label} ({count})" for label, count in sorted(repeated.items()))
        raise ValueError(
            f"--folds {num_folds} is not possible with these groups of each level: {found}. Two levels or more must "
            "have two groups or more, so that what is trained on has two levels: give more rows."
        )
    notes = list(filter(None, [rare_labels_note(labels, groups, num_folds=num_folds)]))
    for note in notes:
        logger.info(note)
    return notes


def assign_folds(rows: Dataset, num_folds: int, group_column: str | None, *, seed: int) -> np.ndarray:
    """The fold of each row, ``(n,)``: groups (else copies of one text) together, levels spread evenly."""
    return k_folds(list(rows["label"]), groups_of(rows, group_column), num_folds=num_folds, seed=seed)


def fold_dataset(
    rows: Dataset, folds: np.ndarray, fold: int, *, group_column: str | None, with_validation: bool, seed: int
) -> tuple[DatasetDict, dict[str, np.ndarray]]:
    """One fold as "train" and "test", each with ``ROW_COLUMN``, and the places of their rows in ``rows``."""
    places = {"train": np.flatnonzero(folds != fold), "test": np.flatnonzero(folds == fold)}
    if with_validation:
        cut = cut_validation(rows.select(places["train"]), group_column, seed=seed)
        places |= {split: places["train"][own] for split, own in cut.items()}
    parts = {split: rows.select(own).add_column(ROW_COLUMN, own.tolist()) for split, own in places.items()}
    return DatasetDict(parts), places


def cut_validation(rows: Dataset, group_column: str | None, *, seed: int) -> dict[str, np.ndarray]:
    """Places of the rows that are trained on, and of a tenth to find the best checkpoint on, groups together."""
    fractions, names = (1 - _VALIDATION, _VALIDATION), ("train", "validation")
    groups = groups_of(rows, group_column)
    cut = split_by_group(list(rows["label"]), groups, fractions=fractions, names=names, seed=seed)
    return {name: np.flatnonzero(cut == name) for name in names}


def out_of_fold(folders: Sequence[Path]) -> tuple[Predictions, np.ndarray]:
    """The tested rows of all folds in their order among the data, and the fold of each, ``(n,)``."""
    parts = []
    for folder in folders:
        found = read_predictions(folder).get("test")
        if found is None or ROW_COLUMN not in found.columns:
            raise ValueError(f"{folder} lacks the rows of its fold: give the command that made it again.")
        parts.append(found)
    rows = np.concatenate([part.columns.pop(ROW_COLUMN) for part in parts]).astype(np.int64)
    order = np.argsort(rows, kind="stable")
    if not np.array_equal(rows[order], np.arange(len(rows))):
        raise ValueError(f"the folds in {folders[0].parent} do not make up all rows: remove them, and make them again.")
    columns = {name: [part.columns[name] for part in parts] for name in parts[0].columns}
    joined = {name: [value for own in values for value in own] for name, values in columns.items()}
    together = Predictions(
        np.concatenate([part.labels for part in parts])[order],
        np.concatenate([part.logits for part in parts])[order],
        {name: [values[k] for k in order.tolist()] for name, values in joined.items()},
    )
    return together, np.repeat(np.arange(len(parts)), [len(part.labels) for part in parts])[order]
