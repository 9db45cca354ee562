"""A file or a Hub dataset -> Arrow columns that know the row numbers a person would see.

CSV by the csv module, not pandas: "NA" and "None" stay texts, a short or long row is an error with its line, and a text
that spans lines does not shift the numbers of the rows after it.
"""

import csv
import json
import math
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, TextIO

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

_LONGEST_FIELD = 2**31 - 1  # characters; the csv module's own limit, 131,072, is soon reached by a text
# The splits of a Hub dataset that are used, each under the first of these names that the dataset has.
_HUB_SPLITS = {"train": ("train",), "validation": ("validation", "dev", "valid"), "test": ("test",)}

_Numbered = Iterator[tuple[int, Any]]  # rows as Python objects behind their numbers
_Chunk = tuple[pa.Table, Sequence[int]]  # rows as columns, and their numbers


@dataclass(frozen=True)
class RawTable:
    """The columns of one split as they stand in its source."""

    source: str  # path of the file, or id and split of the Hub dataset
    columns: pa.Table  # with their own names and types
    rows: Sequence[int]  # 1-based number of each row: its first line in a text file, else its position
    unit: str  # what rows counts: "line" or "row"


def read_chunks(
    path: str | PathLike,
    *,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    rows_at_a_time: int | None = None,
) -> Iterator[RawTable]:
    """Reads a table of at least one row, ``rows_at_a_time`` of them in memory; None for all at once.

    ``quoting`` says whether quotes enclose fields, None for yes in CSV and no in TSV. A ``.json`` file is held in
    memory whole, a Parquet file a row group at a time.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: files ending in {suffix!r} are not read. Accepted: {', '.join(SUFFIXES)}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Give a file, or the folder as dataset_name.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist (looked in {path.absolute().parent}).")
    if suffix == ".parquet":
        chunks = _read_parquet(path, rows_at_a_time)
    elif suffix in (".jsonl", ".json"):
        chunks = _read_json(path, encoding, rows_at_a_time)
    else:
        chunks = _read_delimited(path, encoding, suffix == ".csv" if quoting is None else quoting, rows_at_a_time)
    is_empty = True
    for columns, rows in chunks:
        is_empty = False
        _check_names(columns.column_names, path)
        yield RawTable(str(path), columns, rows, "row" if suffix in (".json", ".parquet") else "line")
    if is_empty:
        raise ValueError(f"{path} has no rows. A text file names its columns in its first line.")


def read_hub(dataset_name: str, dataset_config_name: str | None = None) -> tuple[dict[str, RawTable], list[str]]:
    """The train, validation and test splits of a Hub dataset or a local folder; a note where a split is not used."""
    wanted = f"dataset {dataset_name!r}" + (f", configuration {dataset_config_name!r}" if dataset_config_name else "")
    try:
        loaded = datasets.load_dataset(dataset_name, dataset_config_name)
    except OSError as error:  # not found, no access, no network: all of them are OSErrors
        raise FileNotFoundError(
            f"The {wanted} was not found on the Hub or as a local folder: {error}. "
            f"Check the name and the network; a private dataset needs `hf auth login`."
        ) from error
    except Exception as error:  # whatever the readers of a dozen formats raise where a file is damaged
        raise ValueError(f"The {wanted} cannot be loaded: {error}") from error
    used = {}
    for split, aliases in _HUB_SPLITS.items():
        found = next((alias for alias in aliases if alias in loaded), None)
        if found is not None and loaded[found].num_rows:
            columns = loaded[found].data.table  # its schema carries the features
            used[found] = (split, RawTable(f"{dataset_name} [{found}]", columns, range(1, columns.num_rows + 1), "row"))
    if "train" not in used:
        raise ValueError(f"The {wanted} has no rows in a split named 'train'. Its splits: {', '.join(loaded)}.")
    aside = [name for name in loaded if name not in used]
    return dict(used.values()), [f"Splits of the {wanted} that are not used: {', '.join(aside)}."] if aside else []


def plain_text(value: Any) -> str | None:
    """A single value as the text that a person would have typed for it in a CSV file."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):  # pandas writes a missing value of a numeric column as NaN
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


@contextmanager
def _open_text(path: Path, encoding: str, newline: str) -> Iterator[TextIO]:
    """The file behind its byte order mark; a sentence where it is no text in this encoding, whenever that shows."""
    try:
        file = open(path, encoding=encoding, newline=newline)  # noqa: SIM115  entered below
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown. Try 'utf-8', 'utf-16', 'cp1252' ...") from error
    try:
        with file:
            if file.read(1) != "\ufeff":
                file.seek(0)
            yield file
    except UnicodeDecodeError as error:
        with open(path, encoding=encoding, errors="replace") as file:
            line = next((number for number, text in enumerate(file, start=1) if "\ufffd" in text), 1)
        raise ValueError(
            f"{path}, line {line}: byte {error.object[error.start]:#04x} is not {encoding}. Save it as text in UTF-8 "
            "or give encoding=... (Excel's 'CSV' is often 'cp1252', its 'Unicode text' 'utf-16')."
        ) from error


def _read_delimited(path: Path, encoding: str, quoting: bool, rows_at_a_time: int | None) -> Iterator[_Chunk]:
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    csv.field_size_limit(_LONGEST_FIELD)
    with _open_text(path, encoding, newline="") as file:
        reader = csv.reader(
            file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE, strict=True
        )
        records = _records(reader, path)
        _, header = next(records, (0, []))
        names = [name.strip() for name in header]
        while chunk := list(islice(records, rows_at_a_time)):
            for line, fields in chunk:
                if len(fields) != len(names):
                    raise ValueError(_wrong_width(path, line, fields, names, delimiter, quoting))
            columns = zip(*(fields for _, fields in chunk), strict=True)
            table = pa.Table.from_arrays([pa.array(values, pa.string()) for values in columns], names=names)
            yield table, [line for line, _ in chunk]


def _records(reader: Any, path: Path) -> _Numbered:
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


def _wrong_width(path: Path, line: int, fields: list[str], names: list[str], delimiter: str, quoting: bool) -> str:
    name = "comma" if delimiter == "," else "tab"
    cure = f"A {name} inside a text must become a space, or give quoting=True if such texts are in quotes."
    if quoting:
        cure = f'Put a text that contains a {name} in quotes ("...").'
    header = ", ".join(map(reprlib.repr, names))
    return f"{path}, line {line}: {len(fields)} fields, but the header names {len(names)} columns ({header}). {cure}"


def _read_json(path: Path, encoding: str, rows_at_a_time: int | None) -> Iterator[_Chunk]:
    """One object a line, or (in a ``.json`` file) one list of objects; a key that an object lacks is None."""
    with _open_text(path, encoding, newline="\n") as file:  # U+2028, which JSON allows inside strings, ends no line
        unit, numbered = "line", _json_lines(file, path)
        if path.suffix.lower() == ".json":
            text = file.read()
            if text.lstrip().startswith("["):
                unit, numbered = "item", iter(enumerate(_json_value(text, str(path)), start=1))
            else:
                numbered = _json_lines(text.split("\n"), path)
        names: dict[str, None] = {}
        while chunk := list(islice(numbered, rows_at_a_time)):
            for number, row in chunk:
                if not isinstance(row, dict):
                    where = f"{path}, {unit} {number}"
                    raise ValueError(f'{where}: a {type(row).__name__} where an object like {{"text": ...}} belongs.')
            names |= dict.fromkeys(name for _, row in chunk for name in row)
            columns = [_arrow_column([row.get(name) for _, row in chunk]) for name in names]
            yield pa.Table.from_arrays(columns, names=list(names)), [number for number, _ in chunk]


def _json_lines(lines: Iterable[str], path: Path) -> _Numbered:
    for line, content in enumerate(lines, start=1):
        if content.strip():
            yield line, _json_value(content, f"{path}, line {line}")


def _json_value(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{where}: not JSON ({error}). A .jsonl file holds one JSON object a line; "
            f"a .json file that, or one list of objects."
        ) from error


def _arrow_column(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):  # of mixed types: text, as CSV would have it
        texts = [plain_text(value) for value in values]
        is_nested = any(isinstance(value, (list, dict)) for value in values)  # then it is no column of texts
        return pa.array([[text] for text in texts] if is_nested else texts)


def _read_parquet(path: Path, rows_at_a_time: int | None) -> Iterator[_Chunk]:
    num_read = 0
    try:
        with pq.ParquetFile(path) as file:
            parts = (pa.Table.from_batches([batch]) for batch in file.iter_batches(rows_at_a_time or 1))
            for table in [file.read()] if rows_at_a_time is None else parts:
                for index, field in enumerate(table.schema):
                    if pa.types.is_dictionary(field.type):  # a pandas category
                        table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
                if table.num_rows:
                    yield table, range(num_read + 1, num_read + table.num_rows + 1)
                    num_read += table.num_rows
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def _check_names(names: list[str], path: Path) -> None:
    found = f"The columns: {', '.join(map(reprlib.repr, names))}. A text file names its columns in its first line."
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name. {found}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: the column name {reprlib.repr(twice[0])} stands twice. {found}")
