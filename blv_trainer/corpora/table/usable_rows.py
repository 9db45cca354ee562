"""The rows of a raw table that make up a dataset, and the order of their labels."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
import pyarrow as pa
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
    table: PickedTable, label_names: list[str], split: str, notes: list[str]
) -> tuple[pa.Table, list[UnusableRow]]:
    """Columns ``text``, ``label``, others and raters' (indices into ``label_names``); the rows left out."""
    source, has_label = table.raw.source, table.label_column is not None
    codes, unknown = _codes(table.labels, label_names)
    usable = table.has_text & (codes >= 0) if has_label else table.has_text
    unknown &= table.has_text
    if unknown.sum() > _MOST_UNKNOWN * (usable | unknown).sum():
        raise ValueError(_other_levels(table, unknown, usable | unknown, label_names, split))
    unusable = []
    for index in np.flatnonzero(~usable).tolist():
        if not table.has_text[index]:
            reason, value = "empty text", table.texts[index].as_py()
        elif unknown[index]:
            reason, value = "unknown label", table.labels[index]
        else:
            reason, value = "missing label", table.raw.columns.column(table.label_column)[index].as_py()
        unusable.append(UnusableRow(split, source, table.raw.rows[index], reason, value))
    if unusable:
        counts, left_out = _describe_unusable(unusable, table.raw.unit, label_names), len(unusable)
        logger.warning("%s: %d of %d rows cannot be used and are left out: %s.", source, left_out, len(usable), counts)
    others = []
    for field in table.raw.columns.schema:
        if field.name in (table.text_column, table.label_column, *table.raters):
            continue
        if why := why_left_out(field, has_label=has_label):
            notes.append(f"{source}: column {field.name!r} is left out, because {why}.")
        else:
            others.append(field.name)
    columns = table.raw.columns.select(others)
    for name in table.raters:
        columns = columns.append_column(name, _rater_codes(table, name, usable, label_names))
    if has_label:
        columns = columns.add_column(0, "label", pa.array(codes))
    return columns.add_column(0, "text", table.texts).filter(pa.array(usable)), unusable


def as_dataset(
    columns: pa.Table, label_names: list[str], split: str | None = None, rater_columns: Sequence[str] = ()
) -> Dataset:
    """Wraps the columns; ``label`` and raters' become a ``ClassLabel`` where there are ``label_names``."""
    features = Features.from_arrow_schema(columns.schema)
    features["text"] = Value("string")
    if label_names:
        features.update(dict.fromkeys(("label", *rater_columns), ClassLabel(names=label_names)))
    # Fresh metadata: what came with the source may hold the fingerprint of the table before rows were dropped.
    return Dataset(
        columns.replace_schema_metadata(features.arrow_schema.metadata),
        info=DatasetInfo(features=features),
        split=None if split is None else NamedSplit(split),
    )


def nothing_usable(table: PickedTable, unusable: list[UnusableRow], label_names: list[str]) -> str:
    """The sentence for a table whose every row is unusable."""
    reasons = _describe_unusable(unusable, table.raw.unit, label_names)
    return f"{table.raw.source}: none of the {len(unusable)} rows can be used: {reasons}."


def label_order_of(tables: list[PickedTable], notes: list[str]) -> list[str]:
    """The labels, lowest first: as a column of the tables declares, or as a person would sort them."""
    declared = next((table.declared for table in tables if table.declared), None)
    how = "as the column declares" if declared else "sorted by name"
    if declared is None:
        found = {name for table in tables for name in table.labels[table.has_text]} - {None}
        numbers = are_numbers(found - _NO_LEVEL) and found - _NO_LEVEL
        declared, train = natural_order(numbers or found), tables[0]
        if len(declared) > _MANY_LABELS and len(declared) > len(train.texts) / 2:  # scores with decimals, or ids
            raise ValueError(
                f"{train.raw.source}: column {train.label_column!r} has {len(declared)} different values in "
                f"{len(train.texts)} rows, so they are no levels. Give another label_column, group the values into "
                "levels, or list all of them as label_order."
            )
    names = spell_levels(declared)
    notes.append(f"Order of the labels, {how}: {' < '.join(_first_labels(names))}. Give label_order to set another.")
    words = [name for name in names if not as_number(name)]
    if 0 < len(words) < len(names) / 2:
        notes.append(
            f"{len(names) - len(words)} labels are numbers and {len(words)} are not "
            f"({', '.join(map(repr, words[:5]))}), so all are taken for names, 1.0 and 1 for two: correct these cells, "
            "or list all labels as label_order."
        )
    if alike := look_alikes(names):
        notes.append(f"Labels that look alike are told apart: {alike}. Make them one in the file if they are one.")
    return names


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


def _codes(names: np.ndarray, label_names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Place of each name in ``label_names``, else -1; mask of the levels that are none of them; both (num_rows,)."""
    find = level_finder(label_names)
    places = {name: -1 if (place := find(name)) is None else place for name in {*names} - {None}}
    strange = {name for name, place in places.items() if place < 0} - _NO_LEVEL
    return np.array([places.get(name, -1) for name in names]), np.array([name in strange for name in names])


def _rater_codes(table: PickedTable, column: str, usable: np.ndarray, label_names: list[str]) -> pa.Array:
    """Indices of a rater's levels, null where there is none; a level that is none of the labels is an error."""
    levels = table.raters[column]
    codes, unknown = _codes(levels, label_names)
    outside = np.flatnonzero(usable & unknown)
    if len(outside):
        row, level = table.raw.rows[outside[0]], levels[outside[0]]
        raise ValueError(
            f"{table.raw.source}, {table.raw.unit} {row}: {level!r} in the rater column {column!r} is none of the "
            f"levels {first_few(map(repr, label_names), 20)} ({len(outside)} such cells). Correct or empty them, "
            "or list all levels as label_order."
        )
    return pa.array(codes, mask=codes < 0)


def _other_levels(table: PickedTable, unknown: np.ndarray, labelled: np.ndarray, names: list[str], split: str) -> str:
    """The sentence for a column with other levels than those known, both side by side."""
    found = Counter(table.labels[labelled])
    left = _first_labels([f"{name!r}: {found[name]}" for name in sorted(found, key=_natural)])
    sides = [*zip_longest(["in the data: rows", *left], ["known", *map(repr, names)], fillvalue="")]
    width = max(len(cell) for cell, _ in sides)
    lines = [f"  {cell:<{width}}  {known}".rstrip() for cell, known in sides]
    if alike := look_alikes({*table.labels[unknown], *names}):
        lines.append(f"These look alike: {alike}.")
    where = f"labels in the column {table.label_column!r}"
    head = f"{table.raw.source}: {unknown.sum()} of {labelled.sum()} {where} are none of the known levels."
    of_training = "train on these levels: label_order lists them, lowest first."
    cure = of_training if split else "name another label_column, or take a model of these levels."
    return "\n".join([head, *lines, f"Correct the column, leave out those rows, or {cure}"])


def _first_labels(labels: list[str]) -> list[str]:
    return labels if len(labels) <= 20 else [*labels[:20], f"... ({len(labels)} labels)"]


def _describe_unusable(unusable: list[UnusableRow], unit: str, label_names: list[str]) -> str:
    """Counts unusable rows by reason, with the first few row numbers and unknown labels."""
    by_reason = defaultdict(list)
    for row in unusable:
        by_reason[row.reason].append(row)
    parts = []
    for reason, rows in by_reason.items():
        place = f"{unit}{'s' if len(rows) > 1 else ''} {first_few([row.row for row in rows])}"
        found = ""
        if reason == "unknown label":
            values = list(dict.fromkeys(row.value for row in rows))
            hint = f"; did you mean {meant!r}?" if (meant := nearest(values[0], label_names)) else ""
            found = f": {first_few(map(repr, values))}; known are {first_few(map(repr, label_names), 20)}{hint}"
        parts.append(f"{len(rows)} x {reason} ({place}{found})")
    return "; ".join(parts)
