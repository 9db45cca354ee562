"""A file or a Hub dataset -> an Arrow table that knows the row numbers a person would see."""

import codecs
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from blv_trainer.corpora.table_formats import parse_delimited, parse_json

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

_NOT_TEXT = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed with gzip",
    b"PAR1": "a Parquet file",
}
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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
        columns = _read_parquet(path)
        rows = range(1, columns.num_rows + 1)
    elif suffix in (".jsonl", ".json"):
        columns, rows = parse_json(_read_text(path, encoding), path, single_valued=single_valued)
    else:
        columns, rows = parse_delimited(
            _read_text(path, encoding),
            path,
            delimiter="," if suffix == ".csv" else "\t",
            quoting=suffix == ".csv" if quoting is None else quoting,
        )
    _check_names(columns.column_names, path)
    if columns.num_rows == 0:
        raise ValueError(f"{path} names columns ({', '.join(columns.column_names)}) but has no rows.")
    return RawTable(str(path), columns, rows, unit)


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
    except (ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
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


def _read_text(path: Path, encoding: str) -> str:
    data = path.read_bytes()
    for mark, what in _NOT_TEXT.items():
        if data.startswith(mark):
            raise ValueError(f"{path} is not text: it is {what}. Save or export it as {path.suffix} in UTF-8.")
    try:
        if data.startswith(_UTF16_MARKS) and not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
            raise ValueError(f"{path} is UTF-16, not {encoding}. Save it as UTF-8 or give encoding='utf-16'.")
        text = data.decode(encoding)
    except LookupError as error:
        raise ValueError(f"encoding={encoding!r} is unknown. Try 'utf-8', 'utf-16', 'cp1252' ...") from error
    except UnicodeDecodeError as error:
        offset = len(data) - len(error.object) + error.start  # utf-8-sig counts from behind the byte order mark
        raise ValueError(
            f"{path}, line {data.count(bytes([10]), 0, offset) + 1}: byte {offset} "
            f"(0x{data[offset]:02x}) is not {encoding}. Save it as UTF-8 or give encoding=... "
            f"(Excel's 'CSV' is often 'cp1252')."
        ) from error
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError(
            f"{path}, line {text.count(chr(10), 0, text.index(chr(0))) + 1}: a NUL character. The file is not plain "
            f"text, or UTF-16 without a mark. Save it as UTF-8 or give encoding='utf-16-le'."
        )
    if not text.strip():
        raise ValueError(f"{path} is empty.")
    return text


def _read_parquet(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error
    for index, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):  # a pandas category
            table = table.set_column(index, field.name, table.column(index).cast(field.type.value_type))
    return table


def _check_names(names: list[str], path: Path) -> None:
    found = f"The columns: {', '.join(map(reprlib.repr, names))}. A text file names its columns in its first line."
    if "" in names:
        raise ValueError(f"{path}: column {names.index('') + 1} has no name. {found}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path}: the column name {reprlib.repr(twice[0])} stands twice. {found}")
