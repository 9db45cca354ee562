"""The rows of a raw table that make up a dataset, and the order of their labels."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetInfo, Features, NamedSplit, Value

from blv_trainer.checks import nearest
from blv_trainer.corpora.table.named_columns import PickedTable, first_few, label_name, why_left_out

logger = logging.getLogger(__name__)

_MANY_LABELS = 50
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True)
class UnusableRow:
    """A row that is left out of the dataset."""

    split: str  # "train", "validation", "test", or "" where a file is read by itself
    source: str  # path of the file, or id and split of the Hub dataset
    row: int  # from 1: its first line in CSV, TSV and JSON Lines, its position in Parquet, a JSON list or a Hub dataset
    reason: str  # "empty text", "missing label" or "unknown label"
    value: Any  # what stands there instead


def usable_columns(
    table: PickedTable, label_names: list[str] | None, split: str
) -> tuple[pa.Table, list[UnusableRow], list[str]]:
    """Columns ``text``, ``label`` (index into ``label_names``) and others; the rows dropped; notes on columns dropped.

    Columns of raters hold indices as ``label`` does. A column is dropped where it holds more than one value a row; the
    rows dropped are counted in one warning.
    """
    usable, unusable = _find_unusable(table, label_names, split)
    others, notes = [], []
    for field in table.raw.columns.schema:
        if field.name in (table.text_column, table.label_column, *table.raters):
            continue
        why = why_left_out(field, has_label=table.labels is not None)
        if why is not None:
            notes.append(f"{table.raw.source}: column {field.name!r} is left out, because {why}.")
        else:
            others.append(field.name)
    columns = table.raw.columns.select(others)
    for name in table.raters:
        columns = columns.append_column(name, _rater_codes(table, name, usable, label_names))
    if table.labels is not None:
        columns = columns.add_column(0, "label", _codes(table.labels, label_names))
    return columns.add_column(0, "text", table.texts).filter(pa.array(usable)), unusable, notes


def as_dataset(
    columns: pa.Table, label_names: list[str] | None, split: str | None = None, rater_columns: Sequence[str] = ()
) -> Dataset:
    """Wraps the columns; ``label`` and raters' become a ``ClassLabel`` where ``label_names`` are given."""
    features = Features.from_arrow_schema(columns.schema)
    features["text"] = Value("string")
    if label_names is not None:
        features.update(dict.fromkeys(("label", *rater_columns), ClassLabel(names=label_names)))
    # Fresh metadata: what came with the source may hold the fingerprint of the table before rows were dropped.
    return Dataset(
        columns.replace_schema_metadata(features.arrow_schema.metadata),
        info=DatasetInfo(features=features),
        split=None if split is None else NamedSplit(split),
    )


def nothing_usable(table: PickedTable, unusable: list[UnusableRow], label_names: list[str] | None) -> str:
    """The sentence for a table whose every row is unusable."""
    reasons = _describe_unusable(unusable, table.raw.unit, label_names)
    return f"{table.raw.source}: none of the {len(unusable)} rows can be used: {reasons}."


def label_order_of(tables: list[PickedTable]) -> tuple[list[str], str]:
    """The labels, lowest first: as a column of the tables declares, or as a person would sort them; and a note."""
    declared = next((table.declared for table in tables if table.declared), None)
    how = "as its ClassLabel column declares" if declared else "sorted by name"
    if declared is None:
        found = [pc.unique(t.labels.filter(t.has_text())).to_pylist() for t in tables if t.labels is not None]
        declared = natural_order({label for labels in found for label in labels if label is not None})
        train = tables[0]
        if len(declared) > _MANY_LABELS and len(declared) > len(train.texts) / 2:  # scores with decimals, or ids
            raise ValueError(
                f"{train.raw.source}: column {train.label_column!r} has {len(declared)} different values in "
                f"{len(train.texts)} rows, so they are no levels. Give another label_column, group the values into "
                "levels, or list all of them as label_order."
            )
    shown = " < ".join(declared if len(declared) <= 20 else [*declared[:20], f"... ({len(declared)} labels)"])
    return declared, f"Order of the labels, {how}: {shown}. Give label_order to set another."


def natural_order(labels: Iterable[str]) -> list[str]:
    """Sorts labels as a person would: numbers by their value, inside names too; letters regardless of case."""
    labels = list(labels)
    if all(_NUMBER.fullmatch(label) for label in labels):
        return sorted(labels, key=lambda label: (float(label), label))

    def key(label: str) -> tuple:
        # Split at digits, text and numbers alternate, text first: keys always compare like with like.
        parts = re.split(r"(\d+)", label.casefold())
        return [int(part) if index % 2 else part for index, part in enumerate(parts)], label

    return sorted(labels, key=key)


def check_label_order(label_order: Sequence[Any]) -> list[str]:
    """Checks a given order of labels, lowest first; numbers become text as in the data."""
    if isinstance(label_order, str) or not isinstance(label_order, Sequence):
        raise TypeError(f"label_order={label_order!r} must be a list of names, lowest first, like ['A1', 'A2'].")
    names = [name for value in label_order if (name := label_name(value)) is not None]
    if len(set(names)) < max(len(label_order), 2):
        raise ValueError(f"label_order={list(label_order)!r} must name two labels or more, each once, and none empty.")
    return names


_NO_LEVEL = ("NA", "N/A", "n/a", "nan", "NaN", "-")  # how tables say that a rater gave none, unless it is a level


def _codes(names: pa.ChunkedArray, label_names: list[str] | None) -> pa.ChunkedArray:
    """Index of each name in ``label_names``; null where it is none of them."""
    return pc.index_in(names, value_set=pa.array(label_names, pa.string())).cast(pa.int64())


def _rater_codes(table: PickedTable, column: str, usable: np.ndarray, label_names: list[str] | None) -> pa.ChunkedArray:
    """Indices of a rater's levels, null where there is none; a level that is none of the labels is an error."""
    levels = table.raters[column]
    codes = _codes(levels, label_names)
    given = np.asarray(levels.is_valid()) & ~np.asarray(pc.is_in(levels, value_set=pa.array(_NO_LEVEL)))
    outside = np.flatnonzero(usable & given & np.asarray(codes.is_null()))
    if len(outside):
        row, level = table.raw.rows[outside[0]], levels[int(outside[0])].as_py()
        raise ValueError(
            f"{table.raw.source}, {table.raw.unit} {row}: {level!r} in the rater column {column!r} is none of the "
            f"levels {first_few(map(repr, label_names or ()), 20)} ({len(outside)} such cells). Correct or empty them, "
            "or list all levels as label_order."
        )
    return codes


def _find_unusable(
    table: PickedTable, label_names: list[str] | None, split: str
) -> tuple[np.ndarray, list[UnusableRow]]:
    """Mask of the usable rows, bool (num_rows,), and the rows without a text or a known label, counted in a warning."""
    has_text = np.asarray(table.has_text())
    usable = has_text
    if table.labels is not None:
        usable = has_text & np.asarray(pc.is_in(table.labels, value_set=pa.array(label_names, pa.string())))
    unusable = []
    for index in np.flatnonzero(~usable).tolist():
        if not has_text[index]:
            reason, value = "empty text", table.texts[index]
        elif table.labels is not None and table.labels[index].is_valid:
            reason, value = "unknown label", table.labels[index]
        else:
            reason, value = "missing label", table.raw.columns.column(table.label_column)[index]
        unusable.append(UnusableRow(split, table.raw.source, table.raw.rows[index], reason, value.as_py()))
    if unusable:
        counts = _describe_unusable(unusable, table.raw.unit, label_names)
        source, left_out = table.raw.source, len(unusable)
        logger.warning("%s: %d of %d rows cannot be used and are left out: %s.", source, left_out, len(usable), counts)
    return usable, unusable


def _describe_unusable(unusable: list[UnusableRow], unit: str, label_names: list[str] | None) -> str:
    """Counts unusable rows by reason, with the first few row numbers and unknown labels."""
    by_reason = defaultdict(list)
    for row in unusable:
        by_reason[row.reason].append(row)
    parts = []
    for reason, rows in by_reason.items():
        place = f"{unit}{'s' if len(rows) > 1 else ''} {first_few([row.row for row in rows])}"
        found = ""
        if reason == "unknown label" and label_names:
            values = list(dict.fromkeys(row.value for row in rows))
            meant = nearest(values[0], label_names)
            hint = f"; did you mean {meant!r}?" if meant else ""
            found = f": {first_few(map(repr, values))}; known are {first_few(map(repr, label_names), 20)}{hint}"
        parts.append(f"{len(rows)} x {reason} ({place}{found})")
    return "; ".join(parts)
