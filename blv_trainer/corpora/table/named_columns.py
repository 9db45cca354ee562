"""The columns of a raw table that were named: texts, labels, groups and the levels that raters gave."""

import json
import reprlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Features

from blv_trainer.checks import did_you_mean
from blv_trainer.corpora.table.read import ORDERED, RawTable, plain_text

_SHOWN = 5  # row numbers or values in one message


@dataclass(frozen=True)
class PickedTable:
    """A raw table with the columns found that were named."""

    raw: RawTable
    text_column: str
    texts: pa.ChunkedArray  # type string; null where missing
    has_text: np.ndarray  # mask of the rows whose text is more than white space, (num_rows,)
    label_column: str | None
    labels: np.ndarray  # names, None where missing or where no column was named, (num_rows,)
    declared: list[str] | None  # the names in the order of a ClassLabel column or an ordered category
    raters: dict[str, np.ndarray]  # column -> names as in labels


def pick_columns(
    raw: RawTable,
    text_column: str,
    label_column: str | None,
    group_column: str | None = None,
    rater_columns: Sequence[str] = (),
) -> PickedTable:
    """Finds the columns that were named, and brings texts, labels and raters' levels to text."""
    named = {"text_column": text_column, "label_column": label_column, "group_column": group_column}
    for (role, name), (other, same) in combinations(named.items(), 2):
        if name == same and name is not None:
            raise ValueError(f"{role} and {other} are both {name!r}; they must be two columns.")
    kind = _find(raw, "text_column", text_column).type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise ValueError(f"{raw.source}: column {text_column!r} holds {kind}; the texts must be strings.")
    texts = raw.columns.column(text_column).cast(pa.string())
    has_text = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(texts), ""), False)
    labels, declared = np.full(len(texts), None), None
    if label_column is not None:
        field = _find(raw, "label_column", label_column)
        labels = _level_names(raw, field)
        ordered = (field.metadata or {}).get(ORDERED)
        declared = [label_name(value) or "" for value in json.loads(ordered)] if ordered else _class_names(raw, field)
    kept = [("group_column", name) for name in (group_column,) if name is not None]
    for argument, name in [*kept, *(("rater_columns", name) for name in rater_columns)]:
        if why := why_left_out(_find(raw, argument, name), has_label=label_column is not None):
            raise ValueError(
                f"{raw.source}: column {name!r} cannot be used as {argument}, because {why}. Give a column of single "
                "values that is not called text or label."
            )
    raters = {name: _level_names(raw, raw.columns.field(name)) for name in rater_columns}
    return PickedTable(raw, text_column, texts, np.asarray(has_text), label_column, labels, declared, raters)


def check_rater_columns(rater_columns: Sequence[str] | None) -> list[str]:
    """Checks the names of the columns of raters, each given once."""
    if isinstance(rater_columns, str) or not isinstance(rater_columns, Sequence | None):
        raise TypeError(f"rater_columns={rater_columns!r} must be a list of columns, like ['rater_1', 'rater_2'].")
    names = list(rater_columns or ())
    if len(set(names)) < len(names):
        raise ValueError(f"rater_columns={names!r} names a column twice; give the column of each rater once.")
    return names


def label_name(value: Any) -> str | None:
    """The name of a label as found in a file: text without surrounding space, 3.0 as "3"; None where missing."""
    return (plain_text(value) or "").strip() or None


def why_left_out(field: pa.Field, *, has_label: bool) -> str | None:
    """Why a column cannot stand beside ``text`` and ``label``; None where it can."""
    if field.name == "text" or (field.name == "label" and has_label):
        return "its name is taken"
    return None if _is_single_value(field.type) else f"it holds {field.type}"


def first_few(items: Any, limit: int = _SHOWN) -> str:
    """The first items for a message, and dots where there are more."""
    items = list(items)
    return ", ".join(map(str, items[:limit])) + (", ..." if len(items) > limit else "")


def _find(raw: RawTable, argument: str, name: str) -> pa.Field:
    found = raw.columns.column_names
    if name in found:
        return raw.columns.field(name)
    hint, role = did_you_mean(name, found), argument.split("_")[0]
    raise ValueError(
        f"{raw.source} has no {role} column {name!r}. Its columns: {first_few(map(reprlib.repr, found), 20)}.{hint} "
        f"Give the name as {argument}; a text file names its columns in the first line. {' '.join(raw.notes)}".rstrip()
    )


def _class_names(raw: RawTable, field: pa.Field) -> list[str] | None:
    feature = Features.from_arrow_schema(raw.columns.select([field.name]).schema)[field.name]
    return [name.strip() for name in feature.names] if isinstance(feature, ClassLabel) else None


def _level_names(raw: RawTable, field: pa.Field) -> np.ndarray:
    if not _is_single_value(field.type):
        raise ValueError(f"{raw.source}: column {field.name!r} holds {field.type}; a row has one label.")
    # Only the distinct labels become Python objects, however many rows there are.
    encoded = pc.dictionary_encode(raw.columns.column(field.name)).combine_chunks()
    values = encoded.dictionary
    if pa.types.is_float32(field.type):  # whose 1.1 is none of Python's
        values = values.cast(pa.string())
    classes = _class_names(raw, field)
    # The Hub marks an unlabelled row with -1.
    name_of: Callable[[Any], str | None] = label_name if classes is None else dict(enumerate(classes)).get
    names = np.array([*map(name_of, values.to_pylist()), None], dtype=object)
    return names[encoded.indices.fill_null(len(values)).to_numpy()]


def _is_single_value(kind: pa.DataType) -> bool:
    """Whether a column of this type holds a text, number, truth value or time in each row."""
    tests = ("boolean", "integer", "floating", "decimal", "string", "large_string", "temporal", "null")
    return any(getattr(pa.types, f"is_{test}")(kind) for test in tests)
