"""A file or a Hub dataset -> Arrow columns that know the row numbers a person would see."""

import json
import math
import re
import reprlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, zip_longest
from os import PathLike
from pathlib import Path
from typing import Any

import datasets
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from blv_trainer.corpora.table.delimited import Chunk, Numbered, check_delimiter, open_text, read_delimited

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".json.gz", ".parquet", ".xlsx")

ORDERED = b"ordered"  # in the metadata of a field: the values of an ordered category, lowest first, as JSON

_ROWS_OF_BATCH = 4096  # of Parquet that is read whole
_INDEX = re.compile(r"Unnamed: 0(\.\d+)?|__index_level_\d+__")  # what pandas makes of an index without a name
_PLAIN, _VIEW = datasets.Value("string"), datasets.Value("string_view")  # polars'; Arrow neither filters nor counts it
# The splits of a Hub dataset that are used, each under the first of these names that the dataset has.
_HUB_SPLITS = {"train": ("train",), "validation": ("validation", "dev", "valid"), "test": ("test",)}


@dataclass(frozen=True)
class RawTable:
    """The columns of one split as they stand in its source."""

    source: str  # path of the file, or id and split of the Hub dataset
    columns: pa.Table  # with their own names and types
    rows: Sequence[int]  # 1-based number of each row: its first line in a text file, else its position
    unit: str  # what rows counts: "line" or "row"
    notes: Sequence[str] = ()  # how the file was read, where there was a choice; with its first rows


def read_chunks(
    path: str | PathLike,
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    delimiter: str | None = None,
    *,
    rows_at_a_time: int | None = None,
) -> Iterator[RawTable]:
    """Reads a table of at least one row, ``rows_at_a_time`` of them (None: all); JSON lists and xlsx are held whole."""
    path, delimiter = Path(path), check_delimiter(delimiter)
    suffix = "".join(path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]).lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: files ending in {suffix!r} are not read. Accepted: {', '.join(SUFFIXES)}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Give a file, or the folder as dataset_name.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist (looked in {path.absolute().parent}).")
    kind, notes, is_empty = suffix.removesuffix(".gz"), list[str](), True
    if kind == ".parquet":
        chunks = _read_parquet(path, rows_at_a_time)
    elif kind == ".xlsx":
        chunks = _read_xlsx(path, rows_at_a_time, notes)
    elif kind in (".jsonl", ".json"):
        chunks = _read_json(path, kind, encoding, rows_at_a_time)
    else:
        usual = "," if kind == ".csv" else "\t"
        chunks = read_delimited(path, encoding, usual, delimiter, quoting, rows_at_a_time, notes)
    for columns, rows in chunks:
        for place, name in reversed([*enumerate(columns.column_names)]):
            if _INDEX.fullmatch(name) or (place == 0 and not name):
                columns = columns.remove_column(place)
                if is_empty:
                    notes.append(f"{path}: column {place + 1} ({name!r}) is left out: an index that has no name.")
        _check_names(columns.column_names, path)
        unit = "row" if kind in (".json", ".parquet", ".xlsx") else "line"
        yield RawTable(str(path), columns, rows, unit, notes if is_empty else ())
        is_empty = False
    if is_empty:
        raise ValueError(f"{path} has no rows. A text file names its columns in its first line.")


def read_hub(dataset_name: str, dataset_config_name: str | None, notes: list[str]) -> dict[str, RawTable]:
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
    tables, aside = {}, [*loaded]
    for split, aliases in _HUB_SPLITS.items():
        found = next((alias for alias in aliases if alias in loaded), None)
        if found is not None and loaded[found].num_rows:
            rows = loaded[found]
            if _VIEW in rows.features.values():
                rows = rows.cast(datasets.Features({k: _PLAIN if v == _VIEW else v for k, v in rows.features.items()}))
            columns = rows.data.table  # its schema carries the features
            tables[split] = RawTable(f"{dataset_name} [{found}]", columns, range(1, columns.num_rows + 1), "row")
            aside.remove(found)
    if "train" not in tables:
        raise ValueError(f"The {wanted} has no rows in a split named 'train'. Its splits: {', '.join(loaded)}.")
    if aside:
        notes.append(f"Splits of the {wanted} that are not used: {', '.join(aside)}.")
    return tables


@contextmanager
def open_sheets(path: str | PathLike) -> Iterator[list[Any]]:
    """The worksheets of an xlsx file, those first that are shown, with what formulas last gave."""
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's, of styles and rules that no cell's value depends on
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # programs that write sheets often state them wrong
        yield sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
        book.close()
    except Exception as error:  # whatever zip, XML and openpyxl raise where a file is something else
        raise ValueError(
            f"{path} cannot be read as an xlsx file ({error}). Save it as xlsx without a password."
        ) from error


def plain_text(value: Any) -> str | None:
    """A single value as the text that a person would have typed for it in a CSV file."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):  # pandas writes a missing value of a numeric column as NaN
            return None
        return str(int(value)) if value.is_integer() else str(value)
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _read_json(path: Path, kind: str, encoding: str, rows_at_a_time: int | None) -> Iterator[Chunk]:
    """One object a line, or (in a ``.json`` file) one list of objects; a key that an object lacks is None."""
    with open_text(path, encoding) as file:
        text = file.read() if kind == ".json" else ""
        is_list = text.lstrip().startswith("[")
        numbered = _json_lines(text.split("\n") if text else file, path)
        if is_list:
            numbered = iter(enumerate(_json_value(text, str(path)), start=1))
        names: dict[str, None] = {}
        while chunk := list(islice(numbered, rows_at_a_time)):
            for number, row in chunk:
                if not isinstance(row, dict):
                    where = f"{path}, {'item' if is_list else 'line'} {number}"
                    raise ValueError(f'{where}: a {type(row).__name__} where an object like {{"text": ...}} belongs.')
            names |= dict.fromkeys(name for _, row in chunk for name in row)
            columns = [_arrow_column([row.get(name) for _, row in chunk]) for name in names]
            yield pa.Table.from_arrays(columns, names=list(names)), [number for number, _ in chunk]


def _json_lines(lines: Iterable[str], path: Path) -> Numbered:
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


def _read_parquet(path: Path, rows_at_a_time: int | None) -> Iterator[Chunk]:
    num_read, free = 0, psutil.virtual_memory().available  # bytes
    try:
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups)]
            _check_memory(path, max(groups, default=0) if rows_at_a_time else sum(groups), free)
            batches = file.iter_batches(rows_at_a_time or _ROWS_OF_BATCH)
            parts = ([batch] for batch in batches) if rows_at_a_time else iter([_as_fits(path, batches, free)])
            for part in parts:
                table = _plain_columns(pa.Table.from_batches(part, file.schema_arrow))
                if table.num_rows:
                    yield table, range(num_read + 1, num_read + table.num_rows + 1)
                    num_read += table.num_rows
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def _as_fits(path: Path, batches: Iterable[pa.RecordBatch], free: int) -> list[pa.RecordBatch]:
    """All batches, by their size in memory, for the metadata count a text that is repeated once."""
    held, size = [], 0
    for batch in batches:
        size += batch.nbytes
        _check_memory(path, size, free)
        held.append(batch)
    return held


def _check_memory(path: Path, needed: int, free: int) -> None:
    if needed > free:
        raise ValueError(
            f"{path} takes {needed / 1e9:.3g} GB of memory or more; {free / 1e9:.3g} GB are free. Leave out "
            "columns that are not needed, or rows; where rows are only predicted, smaller row groups do too."
        )


def _plain_columns(table: pa.Table) -> pa.Table:
    """The table with the values of categories in place of their codes, and the views of texts as texts."""
    for index, field in enumerate(table.schema):
        column, kind, order = table.column(index), field.type, {}
        if pa.types.is_dictionary(kind):  # a pandas category
            if kind.ordered and column.num_chunks:
                order = {ORDERED: json.dumps(column.chunk(0).dictionary.to_pylist(), default=str)}
            kind = kind.value_type
        elif pa.types.is_string_view(kind):
            kind = pa.string()
        if kind != field.type:
            table = table.set_column(index, pa.field(field.name, kind, metadata=order), column.cast(kind))
    return table


def _read_xlsx(path: Path, rows_at_a_time: int | None, notes: list[str]) -> Iterator[Chunk]:
    """The first sheet that is shown; rows without any value are left out."""
    with open_sheets(path) as (sheet, *others):
        numbered = enumerate(sheet.iter_rows(values_only=True), start=1)
        rows = {number: row for number, row in numbered if any(value not in (None, "") for value in row)}
    if others:
        notes.append(f"{path}: sheet {sheet.title!r} is read, the first of {len(others) + 1}.")
    columns = [column for column in zip_longest(*rows.values()) if any(value not in (None, "") for value in column)]
    names = [(plain_text(column[0]) or "").strip() for column in columns]
    table = pa.Table.from_arrays([_arrow_column(list(column[1:])) for column in columns], names=names)
    size = rows_at_a_time or max(table.num_rows, 1)
    for start in range(0, table.num_rows, size):
        yield table.slice(start, size), [*rows][1:][start : start + size]


def _check_names(names: list[str], path: Path) -> None:
    found = f"The columns: {', '.join(map(reprlib.repr, names))}. A text file names its columns in its first line."
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name. {found}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{path}: the column name {reprlib.repr(twice[0])} stands twice. {found}")
