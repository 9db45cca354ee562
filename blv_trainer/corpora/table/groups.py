"""Whose answers belong together: the group of each row, rows held out by group, groups that stand in two splits."""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pyarrow as pa
from datasets import Dataset, DatasetDict

from blv_trainer.corpora.splits import split_by_group
from blv_trainer.corpora.table.named_columns import label_name

_USUAL_COLUMN = "speaker"


def groups_of(rows: Dataset, group_column: str | None) -> list[str]:
    """The group of each row, for splits, folds, intervals and pooled answers.

    A row with an empty cell is a group by itself, together with copies of its text; without a column, every row is.

    Args:
        rows: One split, with the columns ``text`` and ``group_column``.
        group_column: Whose answers belong together, as ``TableData.group_column`` names it; None for no column.

    Returns:
        As text, ``(num_rows,)``: the cell without space around it (7 and 7.0 as "7"), or the row's text.

    Examples:
        >>> rows = Dataset.from_dict({"text": ["Yes.", "No.", "Maybe."], "speaker": ["S1", "S1", None]})
        >>> groups_of(rows, "speaker")
        ['S1', 'S1', 'Maybe.']
    """
    texts = rows["text"][:]
    if group_column is None:
        return texts
    cells = [label_name(value) for value in rows[group_column][:]]
    return [text if cell is None else cell for cell, text in zip(cells, texts, strict=True)]


def leaking_groups(dataset: DatasetDict, group_column: str | None) -> list[str]:
    """A sentence for each split whose groups stand in train as well, so that scores say little about new ones.

    Args:
        dataset: The split "train" and others, each with the column ``group_column``.
        group_column: Whose answers belong together; None for no column, and so no sentence.

    Returns:
        The sentences, with the numbers of groups; empty where train shares none.

    Examples:
        >>> splits = {"train": ["S1", "S2", None], "test": ["S2", "S3", None]}
        >>> dataset = DatasetDict({name: Dataset.from_dict({"speaker": own}) for name, own in splits.items()})
        >>> leaking_groups(dataset, "speaker")
        ['1 of 2 test speakers are in train as well: the scores say little about new speakers.']
    """
    if group_column is None:
        return []
    groups = {split: {label_name(cell) for cell in rows[group_column][:]} - {None} for split, rows in dataset.items()}
    members, new = _members(group_column), "speakers" if group_column == _USUAL_COLUMN else "groups"
    return [
        f"{len(own & groups['train'])} of {len(own)} {split} {members} are in train as well: the scores say little "
        f"about new {new}."
        for split, own in groups.items()
        if split != "train" and own & groups["train"]
    ]


def find_groups(given: str | None, tables: Mapping[str, pa.Table], notes: list[str]) -> str | None:
    """The group column in use, which every table has; rows that have no group are noted."""
    lacking = [split for split, columns in tables.items() if _USUAL_COLUMN not in columns.column_names]
    if given is None and lacking:
        if len(lacking) < len(tables):
            notes.append(f"Rows are not grouped by the column {_USUAL_COLUMN!r}, which {' and '.join(lacking)} lacks.")
        return None
    column = given or _USUAL_COLUMN
    for split, columns in tables.items():
        if count := sum(label_name(cell) is None for cell in columns[column].to_pylist()):
            where = f"in the column {column!r}, which says whose answers belong together"
            rows = f"{split} rows".strip()  # a file read by itself is no split
            notes.append(f"{count} of {columns.num_rows} {rows} have an empty cell {where}: each is a group by itself.")
    return column


def hold_out(train: Dataset, group_column: str | None, fraction: float, seed: int, notes: list[str]) -> np.ndarray:
    """Mask of the training rows held out for validation, whole groups, bool (num_rows,)."""
    share = Fraction(fraction).limit_denominator(10**6)
    labels, groups = np.array(train["label"][:]), np.array(groups_of(train, group_column), dtype=object)
    fractions, names = (1 - share, share), ("train", "validation")
    held = split_by_group(labels.tolist(), groups.tolist(), fractions=fractions, names=names, seed=seed) == names[1]
    for label in np.unique(labels):
        if held[labels == label].all():  # a label of a single group stays in train
            own = {*groups[labels == label]}
            held[[group in own for group in groups]] = False
    together = "copies of one text" if group_column is None else f"rows with the same {group_column!r}"
    if not held.any():
        raise ValueError(
            f"validation_fraction={fraction} of {len(held)} training rows leaves no row for validation "
            f"({together} stay together). Give a validation_file, a larger validation_fraction, or 0 to train "
            f"without validation."
        )
    whose = ""
    if group_column is not None:
        whose = f", all those of {len({*groups[held]})} of {len({*groups})} {_members(group_column)},"
    notes.append(
        f"No validation split was given: {held.sum()} of {len(held)} training rows{whose} are held out for "
        f"validation, stratified by label (validation_fraction={fraction}, seed={seed})."
    )
    return held


def _members(group_column: str) -> str:
    return "speakers" if group_column == _USUAL_COLUMN else f"groups ({group_column})"
