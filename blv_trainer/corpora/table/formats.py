"""The text of a CSV, TSV or JSON Lines file -> rows that know their line.

The csv module, not pandas: "NA" and "None" stay texts, a short or long row is an error with its line, and a text
that spans lines does not shift the numbers of the rows after it.
"""

import contextlib
import csv
import json
import math
import reprlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from blv_trainer.corpora.cells import from_cell

_LONGEST_FIELD = 2**31 - 1  # characters; the largest limit that a C long holds on every platform


def read_delimited(
    file: TextIO, path: Path, *, delimiter: str, quoting: bool, rows_at_a_time: int | None = None
) -> Iterator[tuple[pa.Table, list[int]]]:
    """Reads delimited text with a header into text columns; what ``as_cell`` did to a text is undone.

    Args:
        file: The text, opened with ``newline=""``.
        path: Its path, for messages.
        delimiter: The character between fields.
        quoting: True: RFC 4180 quotes; False: a quote is a character like any other.
        rows_at_a_time: Rows that are held in memory; None: all.

    Yields:
        The columns, all of type string (an empty cell is ""), and the 1-based line on which each row begins; where
        there are no rows, one table without rows.

    Raises:
        ValueError: No header, a row with more or fewer fields than the header, or broken quoting; names the line.
    """
    reader = csv.reader(
        file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE, strict=True
    )
    records = _records(reader, path)
    with _long_fields():
        _, header = next(records)
    names = [name.strip() for name in header]
    is_first = True
    while True:
        with _long_fields():
            chunk = list(islice(records, rows_at_a_time))
        if not chunk and not is_first:
            return
        for line, fields in chunk:
            if len(fields) != len(names):
                raise ValueError(_wrong_width(path, line, fields, names, delimiter, quoting))
        columns = zip(*(map(from_cell, fields) for _, fields in chunk), strict=True) if chunk else [()] * len(names)
        table = pa.Table.from_arrays([pa.array(values, pa.string()) for values in columns], names=names)
        yield table, [line for line, _ in chunk]
        is_first = False


def read_json(
    file: TextIO, path: Path, *, single_valued: list[str], rows_at_a_time: int | None = None
) -> Iterator[tuple[pa.Table, list[int]]]:
    r"""Reads one JSON object a line, or (in a ``.json`` file) one list of objects.

    A key that an object lacks is None. A column that mixes types becomes text, as CSV would have it: 3 -> "3".

    Args:
        file: The text, opened with ``newline="\n"``: U+2028, which JSON allows inside strings, ends no line.
        path: Its path, for messages.
        single_valued: Keys that must not hold a list or an object.
        rows_at_a_time: Rows that are held in memory, of a list besides its text; None: all.

    Yields:
        The columns, and the 1-based line (in a list: the 1-based position) of each row; where there are no rows, one
        table without rows.

    Raises:
        ValueError: Bad JSON, a value that is no object, or a list where one value belongs; names the line.
    """
    unit, numbered = "line", _json_lines(file, path)
    if path.suffix.lower() == ".json":
        text = file.read()
        if text.lstrip().startswith("["):
            unit, numbered = "item", enumerate(_json_value(text, str(path)), start=1)
        else:
            numbered = _json_lines(text.split("\n"), path)
    numbered, is_first = iter(numbered), True
    names: dict[str, None] = {}
    while True:
        chunk = list(islice(numbered, rows_at_a_time))
        if not chunk and not is_first:
            return
        for number, row in chunk:
            _check_json_row(row, f"{path}, {unit} {number}", single_valued)
        names |= dict.fromkeys(name for _, row in chunk for name in row)
        columns = [_arrow_column([row.get(name) for _, row in chunk]) for name in names]
        yield pa.Table.from_arrays(columns, names=list(names)), [number for number, _ in chunk]
        is_first = False


def plain_text(value: Any) -> str | None:
    """A single value as the text that a person would have typed for it in a CSV file.

    Examples:
        >>> plain_text(3), plain_text(3.0), plain_text(2.5), plain_text(True), plain_text(float("nan"))
        ('3', '3', '2.5', 'true', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):  # pandas writes a missing value of a numeric column as NaN
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    limit = csv.field_size_limit(_LONGEST_FIELD)  # the default refuses a text of more than 131,072 characters
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _json_lines(lines: Iterable[str], path: Path) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(lines, start=1):
        if content.strip():
            yield line, _json_value(content, f"{path}, line {line}")


def _records(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    line = 1
    while True:
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"{path}, row beginning on line {line}: {error}. Inside a quoted text, a quote is written twice "
                f'(""), and the text ends with a quote. Mend that row, or give quoting=False if quotes are plain '
                f"characters in this file."
            ) from error
        if record:  # an empty line is no row
            yield line, record
        line = reader.line_num + 1


def _wrong_width(path: Path, line: int, fields: list[str], names: list[str], delimiter: str, quoting: bool) -> str:
    name = {",": "comma", "\t": "tab"}[delimiter]
    if quoting:
        cure = f'Put a text that contains a {name} in quotes ("...").'
    else:
        cure = f"A {name} inside a text must become a space, or give quoting=True if such texts are in quotes."
    return (
        f"{path}, line {line}: {len(fields)} fields, but the header names {len(names)} columns "
        f"({', '.join(map(reprlib.repr, names))}). {cure}"
    )


def _json_value(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{where}: {error.object[error.start]!a} is half of a surrogate pair and no character by itself."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{where}: not JSON ({error}). A .jsonl file holds one JSON object a line; "
            f"a .json file that, or one list of objects."
        ) from error
    return value


def _check_json_row(row: Any, where: str, single_valued: list[str]) -> None:
    if not isinstance(row, dict):
        raise ValueError(f'{where}: a {type(row).__name__} where an object like {{"text": ...}} belongs.')
    for name in single_valued:
        if isinstance(row.get(name), (list, dict)):
            raise ValueError(f"{where}: {name!r} holds a {type(row[name]).__name__}; it must be a single value.")


def _arrow_column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([plain_text(value) for value in values], pa.string())
