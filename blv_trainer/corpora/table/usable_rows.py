"""The text and label columns of a raw table, the order of its labels, and the rows that make up a dataset."""

import logging
import re
import reprlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetInfo, Features, NamedSplit, Value

from blv_trainer.checks import did_you_mean, nearest
from blv_trainer.corpora.table.read import RawTable, plain_text

logger = logging.getLogger(__name__)

_MANY_LABELS = 50
_SHOWN = 5  # row numbers or values in one message
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@dataclass(frozen=True)
class UnusableRow:
    """A row that is left out of the dataset."""

    split: str  # "train", "validation", "test", or "" where a file is read by itself
    source: str  # path of the file, or id and split of the Hub dataset
    row: int  # from 1: its first line in CSV, TSV and JSON Lines, its position in Parquet, a JSON list or a Hub dataset
    reason: str  # "empty text", "missing label" or "unknown label"
    value: Any  # what stands there instead


@dataclass(frozen=True)
class PickedTable:
    """A raw table with its text and label columns found."""

    raw: RawTable
    text_column: str
    texts: pa.ChunkedArray  # type string; null where missing
    label_column: str | None
    labels: pa.ChunkedArray | None  # names, type string; null where missing
    declared: list[str] | None  # the names in the order of a ClassLabel column

    def has_text(self) -> pa.ChunkedArray:
        """Mask of the rows whose text is more than white space."""
        return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(self.texts), ""), False)


def pick_columns(raw: RawTable, text_column: str, label_column: str | None) -> PickedTable:
    """Finds the text and label columns and brings them to text."""
    if text_column == label_column:
        raise ValueError(f"text_column and label_column are both {text_column!r}; they must be two columns.")
    _check_present(raw, "text", text_column)
    texts = raw.columns.column(text_column)
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type) or pa.types.is_null(texts.type)):
        raise ValueError(f"{raw.source}: column {text_column!r} holds {texts.type}; the texts must be strings.")
    labels = declared = None
    if label_column is not None:
        _check_present(raw, "label", label_column)
        feature = Features.from_arrow_schema(raw.columns.select([label_column]).schema)[label_column]
        declared = [name.strip() for name in feature.names] if isinstance(feature, ClassLabel) else None
        labels = _label_names(raw, label_column, declared)
    return PickedTable(raw, text_column, texts.cast(pa.string()), label_column, labels, declared)


def usable_columns(
    table: PickedTable, label_names: list[str] | None, split: str
) -> tuple[pa.Table, list[UnusableRow], list[str]]:
    """Columns ``text``, ``label`` (index into ``label_names``) and others; the rows dropped; notes on columns dropped.

    A column is dropped where it holds more than one value a row; the rows dropped are counted in one warning.
    """
    usable, unusable = _find_unusable(table, label_names, split)
    others, notes = [], []
    for field in table.raw.columns.schema:
        is_taken = field.name == "text" or (field.name == "label" and table.labels is not None)
        if field.name in (table.text_column, table.label_column):
            continue
        if is_taken or not _is_single_value(field.type):
            why = "its name is taken" if is_taken else f"it holds {field.type}"
            notes.append(f"{table.raw.source}: column {field.name!r} is left out, because {why}.")
        else:
            others.append(field.name)
    columns = table.raw.columns.select(others)
    if table.labels is not None:
        codes = pc.index_in(table.labels, value_set=pa.array(label_names, pa.string()))
        columns = columns.add_column(0, "label", codes.cast(pa.int64()))
    return columns.add_column(0, "text", table.texts).filter(pa.array(usable)), unusable, notes


def as_dataset(columns: pa.Table, label_names: list[str] | None, split: str | None = None) -> Dataset:
    """Wraps the columns; ``label`` becomes a ``ClassLabel`` where ``label_names`` are given."""
    features = Features.from_arrow_schema(columns.schema)
    features["text"] = Value("string")
    if label_names is not None:
        features["label"] = ClassLabel(names=label_names)
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


def label_name(value: Any) -> str | None:
    """The name of a label as found in a file: text without surrounding space, 3.0 as "3"; None where missing."""
    return (plain_text(value) or "").strip() or None


def _check_present(raw: RawTable, role: str, name: str) -> None:
    found = raw.columns.column_names
    if name in found:
        return
    hint = did_you_mean(name, found)
    separator = next((mark for mark in (";", "\t", "|") if len(found) == 1 and mark in found[0]), None)
    if separator is not None:
        hint = f" The fields seem to be separated by {separator!r}; write commas in a .csv file, tabs in a .tsv file."
    raise ValueError(
        f"{raw.source} has no {role} column {name!r}. Its columns: {_first_few(map(reprlib.repr, found), 20)}.{hint} "
        f"Give the name as {role}_column; a text file names its columns in the first line."
    )


def _label_names(raw: RawTable, label_column: str, declared: list[str] | None) -> pa.ChunkedArray:
    column = raw.columns.column(label_column)
    if not _is_single_value(column.type):
        raise ValueError(f"{raw.source}: column {label_column!r} holds {column.type}; a row has one label.")
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    # Only the distinct labels become Python objects, however many rows there are.
    encoded = pc.dictionary_encode(column).combine_chunks()
    values = encoded.dictionary.to_pylist()
    if declared is None:
        names = [label_name(value) for value in values]
    else:  # the Hub marks an unlabelled row with -1
        names = [declared[index] if 0 <= index < len(declared) else None for index in values]
    return pa.chunked_array([pa.array(names, pa.string()).take(encoded.indices)])


def _is_single_value(kind: pa.DataType) -> bool:
    """Whether a column of this type holds a text, number, truth value or time in each row."""
    tests = ("boolean", "integer", "floating", "decimal", "string", "large_string", "temporal", "null")
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)


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
        place = f"{unit}{'s' if len(rows) > 1 else ''} {_first_few([row.row for row in rows])}"
        found = ""
        if reason == "unknown label" and label_names:
            values = list(dict.fromkeys(row.value for row in rows))
            meant = nearest(values[0], label_names)
            hint = f"; did you mean {meant!r}?" if meant else ""
            found = f": {_first_few(map(repr, values))}; known are {_first_few(map(repr, label_names), 20)}{hint}"
        parts.append(f"{len(rows)} x {reason} ({place}{found})")
    return "; ".join(parts)


def _first_few(items: Any, limit: int = _SHOWN) -> str:
    items = list(items)
    return ", ".join(map(str, items[:limit])) + (", ..." if len(items) > limit else "")
