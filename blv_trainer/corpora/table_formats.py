"""The text of a CSV, TSV or JSON Lines file -> rows that know their line.

The csv module, not pandas: "NA" and "None" stay texts, a short or long row is an error with its line, and a text
that spans lines does not shift the numbers of the rows after it.
"""

import csv
import io
import json
import math
import reprlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

_LONGEST_FIELD = 2**31 - 1  # characters; the largest limit that a C long holds on every platform


def parse_delimited(text: str, path: Path, *, delimiter: str, quoting: bool) -> tuple[pa.Table, list[int]]:
    """Reads delimited text with a header into text columns.

    Args:
        text: The decoded file.
        path: Its path, for messages.
        delimiter: The character between fields.
        quoting: True: RFC 4180 quotes; False: a quote is a character like any other.

    Returns:
        The columns, all of type string (an empty cell is ""), and the 1-based line on which each row begins.

    Raises:
        ValueError: No header, a row with more or fewer fields than the header, or broken quoting; names the line.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
        strict=True,
    )
    limit = csv.field_size_limit(_LONGEST_FIELD)  # the default refuses a text of more than 131,072 characters
    try:
        records = _records(reader, path)
        _, header = next(records)
        names = [name.strip() for name in header]
        rows, lines = [], []
        for line, fields in records:
            if len(fields) != len(names):
                raise ValueError(_wrong_width(path, line, fields, names, delimiter, quoting))
            rows.append(fields)
            lines.append(line)
    finally:
        csv.field_size_limit(limit)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return pa.Table.from_arrays([pa.array(values, pa.string()) for values in columns], names=names), lines


def parse_json(text: str, path: Path, *, single_valued: list[str]) -> tuple[pa.Table, list[int]]:
    """Reads one JSON object a line, or (in a ``.json`` file) one list of objects.

    A key that an object lacks is None. A column that mixes types becomes text, as CSV would have it: 3 -> "3".

    Args:
        text: The decoded file.
        path: Its path, for messages.
        single_valued: Keys that must not hold a list or an object.

    Returns:
        The columns, and the 1-based line (in a list: the 1-based position) of each row.

    Raises:
        ValueError: Bad JSON, a value that is no object, or a list where one value belongs; names the line.
    """
    if path.suffix.lower() == ".json" and text.lstrip().startswith("["):
        unit, numbered = "item", list(enumerate(_json_value(text, str(path)), start=1))
    else:
        # Only "\n" ends a line here: str.splitlines would also cut at U+2028, which JSON allows inside strings.
        unit, numbered = "line", []
        for line, content in enumerate(text.split("\n"), start=1):
            if content.strip():
                numbered.append((line, _json_value(content, f"{path}, line {line}")))
    for number, row in numbered:
        _check_json_row(row, f"{path}, {unit} {number}", single_valued)
    names = dict.fromkeys(name for _, row in numbered for name in row)
    columns = [_arrow_column([row.get(name) for _, row in numbered]) for name in names]
    return pa.Table.from_arrays(columns, names=list(names)), [number for number, _ in numbered]


def plain_text(value: Any) -> str | None:
    """A single value as the text that a person would have typed for it in a CSV file.

    Example:
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
