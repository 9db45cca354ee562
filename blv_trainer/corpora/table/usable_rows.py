"""The rows of a raw table that make up a dataset, and the order of their labels."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetInfo, Features, NamedSplit, Value

from blv_trainer.checks import nearest
from blv_trainer.corpora.table.named_columns import PickedTable, first_few, label_name, why_left_out
from blv_trainer.levels import are_numbers, as_number, level_finder, look_alikes, spell_levels

logger = logging.getLogger(__name__)

_MANY_LABELS = 50
_MOST_UNKNOWN = 0.05  # share of the labelled rows that may be left out for a level that is not known
_NO_LEVEL = {"NA", "N/A", "#N/A", "n/a", "nan", "NaN", "-"}  # how tables say that there is none, unless it is a level


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
    codes = None if table.labels is None else _codes(table.labels, label_names)
    usable, unusable = _find_unusable(table, codes, label_names, split)
    others, notes = [], []
    for field in table.raw.columns.schema:
        if field.name in (table.text_column, table.label_column, *table.raters):
            continue
        if why := why_left_out(field, has_label=table.labels is not None):
            notes.append(f"{table.raw.source}: column {field.name!r} is left out, because {why}.")
        else:
            others.append(field.name)
    columns = table.raw.columns.select(others)
    for name in table.raters:
        columns = columns.append_column(name, _rater_codes(table, name, usable, label_names))
    if codes is not None:
        columns = columns.add_column(0, "label", codes)
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


def label_order_of(tables: list[PickedTable]) -> tuple[list[str], list[str]]:
    """The labels, lowest first: as a column of the tables declares, or as a person would sort them; and notes."""
    declared = next((table.declared for table in tables if table.declared), None)
    how = "as the column declares" if declared else "sorted by name"
    if declared is None:
        found = {name for table in tables for name in _count(table, np.asarray(table.has_text()))}
        numbers = are_numbers(found - _NO_LEVEL) and found - _NO_LEVEL
        declared, train = natural_order(numbers or found), tables[0]
        if len(declared) > _MANY_LABELS and len(declared) > len(train.texts) / 2:  # scores with decimals, or ids
            raise ValueError(
                f"{train.raw.source}: column {train.label_column!r} has {len(declared)} different values in "
                f"{len(train.texts)} rows, so they are no levels. Give another label_column, group the values into "
                "levels, or list all of them as label_order."
            )
    names = spell_levels(declared)
    shown = " < ".join(names if len(names) <= 20 else [*names[:20], f"... ({len(names)} labels)"])
    notes = [f"Order of the labels, {how}: {shown}. Give label_order to set another."]
    words = [name for name in names if not as_number(name)]
    if 0 < len(words) < len(names) / 2:
        notes.append(
            f"{len(names) - len(words)} labels are numbers and {len(words)} are not "
            f"({', '.join(map(repr, words[:5]))}), so all are taken for names, 1.0 and 1 for two: correct these cells, "
            "or list all labels as label_order."
        )
    if alike := look_alikes(names):
        notes.append(f"Labels that look alike are told apart: {alike}. Make them one in the file if they are one.")
    return names, notes


def natural_order(labels: Iterable[str]) -> list[str]:
    """Sorts labels as a person would, each once: numbers by their value, inside names too; letters of any case."""
    labels = [*labels]
    return sorted({*spell_levels(labels)}, key=float) if are_numbers(labels) else sorted({*labels}, key=_natural)


def _natural(label: str) -> tuple:
    # Split at digits, text and numbers alternate, text first: keys always compare like with like.
    parts = re.split(r"(\d+)", label.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], label


def check_label_order(label_order: Sequence[Any]) -> list[str]:
    """Checks a given order of labels, lowest first; numbers become text in their one spelling."""
    if isinstance(label_order, str) or not isinstance(label_order, Sequence):
        raise TypeError(f"label_order={label_order!r} must be a list of names, lowest first, like ['A1', 'A2'].")
    names = spell_levels(name for value in label_order if (name := label_name(value)) is not None)
    if len(set(names)) < max(len(label_order), 2):
        raise ValueError(f"label_order={list(label_order)!r} must name two labels or more, each once, and none empty.")
    return names


def _codes(names: pa.ChunkedArray, label_names: list[str] | None) -> pa.ChunkedArray:
    """Place of each name in ``label_names``, however it is spelled; null where it is none of them."""
    encoded, find = pc.dictionary_encode(names).combine_chunks(), level_finder(label_names or ())
    places = pa.array([find(name) for name in encoded.dictionary.to_pylist()], pa.int64())
    return pa.chunked_array([places.take(encoded.indices)])


def _unknown(names: pa.ChunkedArray, codes: pa.ChunkedArray) -> np.ndarray:
    """Mask of the rows that have a level, but one that is not known, bool (num_rows,)."""
    has_level = np.asarray(names.is_valid()) & ~np.asarray(pc.is_in(names, value_set=pa.array([*_NO_LEVEL])))
    return has_level & np.asarray(codes.is_null())


def _count(table: PickedTable, mask: np.ndarray) -> dict[str, int]:
    """The different labels of some rows, and how many of these have each."""
    labels = pa.chunked_array([], pa.string()) if table.labels is None else table.labels.filter(pa.array(mask))
    counts = pc.value_counts(labels.drop_null())
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def _rater_codes(table: PickedTable, column: str, usable: np.ndarray, label_names: list[str] | None) -> pa.ChunkedArray:
    """Indices of a rater's levels, null where there is none; a level that is none of the labels is an error."""
    levels = table.raters[column]
    codes = _codes(levels, label_names)
    outside = np.flatnonzero(usable & _unknown(levels, codes))
    if len(outside):
        row, level = table.raw.rows[outside[0]], levels[int(outside[0])].as_py()
        raise ValueError(
            f"{table.raw.source}, {table.raw.unit} {row}: {level!r} in the rater column {column!r} is none of the "
            f"levels {first_few(map(repr, label_names or ()), 20)} ({len(outside)} such cells). Correct or empty them, "
            "or list all levels as label_order."
        )
    return codes


def _find_unusable(
    table: PickedTable, codes: pa.ChunkedArray | None, label_names: list[str] | None, split: str
) -> tuple[np.ndarray, list[UnusableRow]]:
    """Mask of the usable rows, bool (num_rows,), and the rows without a text or a known label, counted in a warning."""
    has_text = np.asarray(table.has_text())
    usable, unknown = has_text, np.zeros_like(has_text)
    if table.labels is not None and codes is not None and label_names is not None:
        usable, unknown = has_text & np.asarray(codes.is_valid()), has_text & _unknown(table.labels, codes)
        if unknown.sum() > _MOST_UNKNOWN * (usable | unknown).sum():
            raise ValueError(_other_levels(table, unknown, usable | unknown, label_names, split))
    unusable = []
    for index in np.flatnonzero(~usable).tolist():
        if not has_text[index]:
            reason, value = "empty text", table.texts[index]
        elif unknown[index] and table.labels is not None:
            reason, value = "unknown label", table.labels[index]
        else:
            reason, value = "missing label", table.raw.columns.column(table.label_column)[index]
        unusable.append(UnusableRow(split, table.raw.source, table.raw.rows[index], reason, value.as_py()))
    if unusable:
        counts = _describe_unusable(unusable, table.raw.unit, label_names)
        source, left_out = table.raw.source, len(unusable)
        logger.warning("%s: %d of %d rows cannot be used and are left out: %s.", source, left_out, len(usable), counts)
    return usable, unusable


def _other_levels(table: PickedTable, unknown: np.ndarray, labelled: np.ndarray, names: list[str], split: str) -> str:
    """The sentence for a column with other levels than those known, both side by side."""
    found = _count(table, labelled)
    left = [f"{name!r}: {found[name]}" for name in sorted(found, key=_natural)]
    left = left if len(left) <= 20 else [*left[:20], f"... ({len(left)} labels)"]
    sides = [*zip_longest(["in the data: rows", *left], ["known", *map(repr, names)], fillvalue="")]
    width = max(len(cell) for cell, _ in sides)
    lines = [f"  {cell:<{width}}  {known}".rstrip() for cell, known in sides]
    if alike := look_alikes({*_count(table, unknown), *names}):
        lines.append(f"These look alike: {alike}.")
    where = f"labels in the column {table.label_column!r}"
    head = f"{table.raw.source}: {unknown.sum()} of {labelled.sum()} {where} are none of the known levels."
    of_training = "train on these levels: label_order lists them, lowest first."
    cure = of_training if split else "name another label_column, or take a model of these levels."
    return "\n".join([head, *lines, f"Correct the column, leave out those rows, or {cure}"])


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
            hint = f"; did you mean {meant!r}?" if (meant := nearest(values[0], label_names)) else ""
            found = f": {first_few(map(repr, values))}; known are {first_few(map(repr, label_names), 20)}{hint}"
        parts.append(f"{len(rows)} x {reason} ({place}{found})")
    return "; ".join(parts)
