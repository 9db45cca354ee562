"""CSV and TSV -> Arrow columns with the line of each row; text files of any kind, also gzipped.

By the csv module, not pandas: "NA" and "None" stay texts, a short or long row is an error with its line, and a text
that spans lines does not shift the numbers of the rows after it.
"""

import csv
import gzip
import reprlib
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}

_LONGEST_FIELD = 2**31 - 1  # characters; the csv module's own limit, 131,072, is soon reached by a text
_RECORDS_LOOKED_AT = 20  # to find the delimiter

Numbered = Iterator[tuple[int, Any]]  # rows as Python objects behind their numbers
Chunk = tuple[pa.Table, Sequence[int]]  # rows as columns, and their numbers


def check_delimiter(delimiter: str | None) -> str | None:
    """A delimiter given as the character, or by the name that a shell passes on more easily."""
    mark = DELIMITERS.get(delimiter or "", "\t" if delimiter == "\\t" else delimiter)
    if mark is not None and (not isinstance(mark, str) or len(mark) != 1 or mark in '"\r\n'):
        raise ValueError(f"delimiter={delimiter!r} is unknown. Give one character, or {', '.join(DELIMITERS)}.")
    return mark


@contextmanager
def open_text(path: Path, encoding: str) -> Iterator[TextIO]:
    """The file behind its byte order mark; a sentence where it is no text in this encoding, whenever that shows."""
    open_ = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        file = open_(path, "rt", encoding=encoding, newline="")
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown. Try 'utf-8', 'utf-16', 'cp1252' ...") from error
    try:
        with file:
            if file.read(1) != "\ufeff":
                file.seek(0)
            yield file
    except UnicodeDecodeError as error:
        with open_(path, "rt", encoding=encoding, errors="replace") as file:
            line = next((number for number, text in enumerate(file, start=1) if "\ufffd" in text), 1)
        raise ValueError(
            f"{path}, line {line}: byte {error.object[error.start]:#04x} is not {encoding}. Save it as text in UTF-8 "
            "or give encoding=... (Excel's 'CSV' is often 'cp1252', its 'Unicode text' 'utf-16')."
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read as a gzip file: {error}") from error


def read_delimited(
    path: Path, encoding: str, usual: str, delimiter: str | None, quoting: bool | None, size: int | None, notes: list
) -> Iterator[Chunk]:
    """Rows of text fields. Without a delimiter the ``usual`` one, or that which makes columns of the first lines."""
    csv.field_size_limit(_LONGEST_FIELD)
    with open_text(path, encoding) as file:

        def reader(mark: str) -> Any:
            encloses = quoting if quoting is not None else {usual, mark} != {"\t"}  # a plain .tsv has no quotes
            how: Any = csv.QUOTE_MINIMAL if encloses else csv.QUOTE_NONE
            return csv.reader(file, delimiter=mark, quoting=how, strict=True)

        start, marks = file.tell(), dict.fromkeys((usual, *DELIMITERS.values()))

        def fits(mark: str) -> int:
            """2 where the first records have several fields, each as many; 1 where the header has; else 0."""
            file.seek(start)
            widths: list[int] = []
            with suppress(csv.Error):
                widths.extend(len(record) for record in islice(filter(None, reader(mark)), _RECORDS_LOOKED_AT))
            return 0 if widths[:1] < [2] else 2 if len({*widths}) == 1 else 1

        if delimiter is None:
            # The usual one first, and no other where it fits: a quote that another takes for one may never end.
            delimiter = next((mark for least in (2, 1) for mark in marks if fits(mark) >= least), usual)
            if delimiter != usual:
                notes.append(f"{path}: its columns are separated by {_name(delimiter)}s.")
            file.seek(start)
        lines = reader(delimiter)
        records = _records(lines, path)
        _, header = next(records, (0, []))
        names = [name.strip() for name in header]
        while chunk := list(islice(records, size)):
            for line, fields in chunk:
                if len(fields) != len(names):
                    raise ValueError(_wrong_width(path, line, fields, names, lines.dialect))
            columns = zip(*(fields for _, fields in chunk), strict=True)
            table = pa.Table.from_arrays([pa.array(values, pa.string()) for values in columns], names=names)
            yield table, [line for line, _ in chunk]


def _records(reader: Any, path: Path) -> Numbered:
    line = 1
    try:
        for record in reader:
            if record:  # an empty line is no row
                yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, row beginning on line {line}: {error}. Inside a quoted text, a quote is written twice "
            f'(""), and the text ends with a quote. Mend that row, or give quoting=False if quotes are plain '
            f"characters in this file."
        ) from error


def _name(delimiter: str) -> str:
    return next((name for name, mark in DELIMITERS.items() if mark == delimiter), repr(delimiter))


def _wrong_width(path: Path, line: int, fields: list[str], names: list[str], dialect: Any) -> str:
    name = _name(dialect.delimiter)
    cure = f"A {name} inside a text must become a space, or give quoting=True if such texts are in quotes."
    if dialect.quoting != csv.QUOTE_NONE:
        cure = f'Put a text that contains a {name} in quotes ("...").'
    header = ", ".join(map(reprlib.repr, names))
    return f"{path}, line {line}: {len(fields)} fields, but the header names {len(names)} columns ({header}). {cure}"
