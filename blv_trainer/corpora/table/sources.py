"""A file or a Hub dataset -> an Arrow table that knows the row numbers a person would see."""

import reprlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from blv_trainer.corpora.table.formats import read_delimited, read_json
from blv_trainer.corpora.table.text_file import open_text

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

_Chunk = tuple[pa.Table, Sequence[int]]  # rows and their numbers

# The splits of a Hub dataset that are used, each under the first of these names that the dataset has.
_HUB_SPLITS = {"train": ("train",), "validation": ("validation", "dev", "valid"), "test": ("test",)}


@dataclass(frozen=True)
class RawTable:
    """The columns of one split as they stand in its source.

    Args:
        source: Path of the file, or id and split of the Hub dataset.
        columns: The columns with their own names and types.
        rows: 1-based number of each row: its first line in a text file, else its position.
        unit: What ``rows`` counts: "line" or "row".
    """

    source: str
    columns: pa.Table
    rows: Sequence[int]
    unit: str


def read_file(
    path: str | PathLike,
    *,
    single_valued: list[str],
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
) -> RawTable:
    """Reads a table by the suffix of its path: .csv, .tsv, .jsonl, .json or .parquet.

    Args:
        path: The file.
        single_valued: Columns that must not hold lists or objects.
        encoding: Of a text file.
        quoting: Whether quotes enclose fields; None: yes in CSV, no in TSV. The other formats have their own rules.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, with the place and the cure, or it has no rows.
    """
    return next(read_chunks(path, single_valued=single_valued, encoding=encoding, quoting=quoting))


def read_chunks(
    path: str | PathLike,
    *,
    single_valued: list[str],
    encoding: str = "utf-8-sig",
    quoting: bool | None = None,
    rows_at_a_time: int | None = None,
) -> Iterator[RawTable]:
    """Reads a table as ``read_file`` does, a number of rows at a time: of a file larger than memory, one such chunk.

    Text is read through once before the first chunk, so that a byte which is no text stops the work before it begins.
    A ``.json`` file is held in memory whole, a Parquet file one row group at a time.

    Args:
        path: The file.
        single_valued: Columns that must not hold lists or objects.
        encoding: Of a text file.
        quoting: Whether quotes enclose fields; None: yes in CSV, no in TSV.
        rows_at_a_time: The most rows of a chunk; None: all.

    Yields:
        The chunks, each with at least one row.

    Raises:
        FileNotFoundError, ValueError: As ``read_file``, where the chunk with the fault would come.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{path}: files ending in {suffix!r} are not read. Accepted: {', '.join(SUFFIXES)}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Give a file, or the folder as dataset_name.")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist (looked in {path.absolute().parent}).")
    unit = "row" if suffix in (".json", ".parquet") else "line"
    if suffix == ".parquet":
        chunks = _read_parquet(path, rows_at_a_time)
    elif suffix in (".jsonl", ".json"):
        chunks = _read_json(path, encoding, single_valued, rows_at_a_time)
    else:
        chunks = _read_delimited(path, encoding, suffix == ".csv" if quoting is None else quoting, rows_at_a_time)
    for columns, rows in chunks:
        _check_names(columns.column_names, path)
        if columns.num_rows == 0:
            raise ValueError(f"{path} names columns ({', '.join(columns.column_names)}) but has no rows.")
        yield RawTable(str(path), columns, rows, unit)


def read_hub(dataset_name: str, dataset_config_name: str | None = None) -> tuple[dict[str, RawTable], list[str]]:
    """Loads the train, validation and test splits of a dataset on the Hub or of a local folder.

    Returns:
        The splits by our names ("dev" and "valid" become "validation"), and a note where a split is not used.

    Raises:
        FileNotFoundError: The dataset cannot be found or reached.
        ValueError: It cannot be loaded, or has no train split.
    """
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


def _read_delimited(path: Path, encoding: str, quoting: bool, rows_at_a_time: int | None) -> Iterator[_Chunk]:
    delimiter = "," if path.suffix.lower() == ".csv" else "\t"
    with open_text(path, encoding, newline="") as file:
        yield from read_delimited(file, path, delimiter=delimiter, quoting=quoting, rows_at_a_time=rows_at_a_time)


def _read_json(path: Path, encoding: str, single_valued: list[str], rows_at_a_time: int | None) -> Iterator[_Chunk]:
    with open_text(path, encoding, newline="\n") as file:
        yield from read_json(file, path, single_valued=single_valued, rows_at_a_time=rows_at_a_time)


def _read_parquet(path: Path, rows_at_a_time: int | None) -> Iterator[_Chunk]:
    num_read = 0
    try:
        for table in _parquet_tables(path, rows_at_a_time):
            table.validate(full=True)  # texts may be bytes that are no UTF-8
            _check_features(table.schema, path)
            for index, field in enumerate(table.schema):
                if pa.types.is_dictionary(field.type):  # a pandas category
                    table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
            yield table, range(num_read + 1, num_read + table.num_rows + 1)
            num_read += table.num_rows
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def _parquet_tables(path: Path, rows_at_a_time: int | None) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        if rows_at_a_time is None or file.metadata.num_rows == 0:
            yield file.read()
        else:
            yield from (pa.Table.from_batches([batch]) for batch in file.iter_batches(rows_at_a_time))


def _check_features(schema: pa.Schema, path: Path) -> None:
    try:
        Features.from_arrow_schema(pa.schema([], metadata=schema.metadata))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"{path}: what it says of its own columns, in the metadata 'huggingface', cannot be read ({error}). "
            "Write the file anew."
        ) from error


def _check_names(names: list[str], path: Path) -> None:
    found = f"The columns: {', '.join(map(reprlib.repr, names))}. A text file names its columns in its first line."
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name. {found}")
    if any("\0" in name for name in names):  # Arrow itself finds no such column again
        raise ValueError(f"{path}: the name of a column holds a NUL character. {found}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: the column name {reprlib.repr(twice[0])} stands twice. {found}")
