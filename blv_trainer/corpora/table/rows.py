"""The text and label columns of a raw table, and which of its rows can be used."""

import logging
import reprlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Features

from blv_trainer.corpora.table.labels import label_name
from blv_trainer.corpora.table.sources import RawTable
from blv_trainer.suggestions import did_you_mean, nearest

logger = logging.getLogger(__name__)

_SHOWN = 5  # row numbers or values in one message


@dataclass(frozen=True)
class UnusableRow:
    """A row that is left out of the dataset.

    Args:
        split: "train", "validation", "test", or "" where a file is read by itself.
        source: Path of the file, or id and split of the Hub dataset.
        row: As an editor or a spreadsheet counts, from 1: the first line of the row in CSV, TSV and JSON Lines,
            the position of the row in Parquet, a JSON list or a Hub dataset.
        reason: "empty text", "missing label" or "unknown label".
        value: What stands there instead.
    """

    split: str
    source: str
    row: int
    reason: str
    value: Any


@dataclass(frozen=True)
class PickedTable:
    """A raw table with its text and label columns found.

    Args:
        raw: The table as read.
        text_column: Name of the column with the texts.
        texts: The texts, type string; null where missing.
        label_column: Name of the column with the labels, or None.
        labels: The names of the labels, type string; null where missing; None without a label column.
        declared: The names in the order of a ``ClassLabel`` column, or None.
    """

    raw: RawTable
    text_column: str
    texts: pa.ChunkedArray
    label_column: str | None
    labels: pa.ChunkedArray | None
    declared: list[str] | None

    def has_text(self) -> pa.ChunkedArray:
        """Mask of the rows whose text is more than white space."""
        return pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(self.texts), ""), False)


def pick_columns(raw: RawTable, text_column: str, label_column: str | None) -> PickedTable:
    """Finds the text and label columns and brings them to text.

    Raises:
        ValueError: A column is missing (lists what was found), or holds something else than one value a row.
    """
    if text_column == label_column:
        raise ValueError(f"text_column and label_column are both {text_column!r}; they must be two columns.")
    _check_present(raw, "text", text_column)
    texts = raw.columns.column(text_column)
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type) or pa.types.is_null(texts.type)):
        raise ValueError(f"{raw.source}: column {text_column!r} holds {texts.type}; the texts must be strings.")
    labels = declared = None
    if label_column is not None:
        _check_present(raw, "label", label_column)
        declared = _declared_names(raw, label_column)
        labels = _label_names(raw, label_column, declared)
    return PickedTable(raw, text_column, texts.cast(pa.string()), label_column, labels, declared)


def find_unusable(
    table: PickedTable, label_names: list[str] | None, split: str
) -> tuple[np.ndarray, list[UnusableRow]]:
    """Finds the rows without a text or without a known label, and logs one warning that counts them.

    Args:
        table: The table; its labels are looked at only where it has a label column.
        label_names: The known labels.
        split: For the rows reported.

    Returns:
        Mask of the usable rows, bool (num_rows,), and the rows that are not.
    """
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
        counts = describe_unusable(unusable, table.raw.unit, label_names)
        logger.warning(
            "%s: %d of %d rows cannot be used and are left out: %s.",
            table.raw.source,
            len(unusable),
            len(usable),
            counts,
        )
    return usable, unusable


def describe_unusable(unusable: list[UnusableRow], unit: str, label_names: list[str] | None) -> str:
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


def nothing_usable(table: PickedTable, unusable: list[UnusableRow], label_names: list[str] | None) -> str:
    """The sentence for a table whose every row is unusable."""
    reasons = describe_unusable(unusable, table.raw.unit, label_names)
    return f"{table.raw.source}: none of the {len(unusable)} rows can be used: {reasons}."


def is_single_value(kind: pa.DataType) -> bool:
    """Whether a column of this type holds a text, number, truth value or time in each row."""
    tests = ("boolean", "integer", "floating", "decimal", "string", "large_string", "temporal", "null")
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)


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


def _declared_names(raw: RawTable, label_column: str) -> list[str] | None:
    try:
        feature = Features.from_arrow_schema(raw.columns.select([label_column]).schema)[label_column]
    except ValueError:  # a type that this version of datasets does not know, so no ClassLabel
        return None
    return [name.strip() for name in feature.names] if isinstance(feature, ClassLabel) else None


def _label_names(raw: RawTable, label_column: str, declared: list[str] | None) -> pa.ChunkedArray:
    column = raw.columns.column(label_column)
    if not is_single_value(column.type):
        raise ValueError(f"{raw.source}: column {label_column!r} holds {column.type}; a row has one label.")
    if pa.types.is_null(column.type):
        return column.cast(pa.string())
    # Only the distinct labels become Python objects, however many rows there are.
    encoded = pc.dictionary_encode(column).combine_chunks()
    try:
        values = encoded.dictionary.to_pylist()
    except (ValueError, OverflowError, LookupError) as error:
        raise ValueError(
            f"{raw.source}: column {label_column!r} holds {column.type} that cannot be written out ({error}). Write "
            "the labels as text."
        ) from error
    if declared is None:
        names = [label_name(value) for value in values]
    else:  # the Hub marks an unlabelled row with -1
        names = [declared[index] if 0 <= index < len(declared) else None for index in values]
    return pa.chunked_array([pa.array(names, pa.string()).take(encoded.indices)])


def _first_few(items: Any, limit: int = _SHOWN) -> str:
    items = list(items)
    return ", ".join(map(str, items[:limit])) + (", ..." if len(items) > limit else "")
