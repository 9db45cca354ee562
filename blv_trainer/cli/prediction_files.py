"""Predictions written as they come: to the terminal or to a file that is there whole or not at all."""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from blv_trainer.cli.terminal_tables import format_table
from blv_trainer.corpora import as_cell
from blv_trainer.files import without_nan, write_whole

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "parquet", "xlsx")

_SHOWN_CHARACTERS = 40  # of a cell of a table on the terminal
_MOST_CHARACTERS = 32_767  # of a cell of a spreadsheet


def output_format(output_file: str | None, format: str | None) -> str:
    """The format given, or that of the file's ending, or a table for the terminal."""
    suffix = Path(output_file or "terminal.table").suffix.lower().removeprefix(".")
    if format is None and (suffix not in FORMATS or (output_file and suffix == "table")):
        endings = ", ".join(f".{known}" for known in FORMATS[1:])
        raise ValueError(f"--output_file {output_file}: name a file that ends in {endings}, or give --format.")
    if output_file is None and format in ("parquet", "xlsx"):
        raise ValueError(f"--format {format} is not for the terminal: give --output_file FILE.{format}.")
    return format or suffix


def write_predictions(tables: Iterable[pa.Table], *, output_file: str | None = None, format: str | None = None) -> None:
    """Write tables, one after the other, to a file, whole or not at all, or to the terminal; one is held in memory."""
    format, sizes = output_format(output_file, format), list[int]()

    def counted() -> Iterator[pa.Table]:
        for table in tables:
            sizes.append(table.num_rows)
            yield table

    if output_file is None:
        _WRITERS[format](tables, sys.stdout)
    elif format in _BINARY:
        write_whole(output_file, lambda temporary: _BINARY[format](_alike(counted()), temporary))
    else:
        write_whole(output_file, lambda temporary: _write_text(counted(), temporary, format))
    if output_file:
        logger.info("%d rows are in %s", sum(sizes), output_file)


def _alike(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Tables with the columns of the first."""
    names = None
    for table in tables:
        names = names or table.column_names
        if new := {*table.column_names}.difference(names):
            late = f"the column {min(new)!r} of --input_file comes after rows without it, which were written by then"
            raise ValueError(f"{late}: give its first row all columns, or an --output_file that ends in .jsonl.")
        yield table


def _write_text(tables: Iterable[pa.Table], path: Path, format: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        _WRITERS[format](tables, file)


def _write_table(tables: Iterable[pa.Table], file: TextIO) -> None:
    for table in tables:
        rows = [[_shown(name, value) for name, value in row.items()] for row in table.to_pylist()]
        print(format_table(table.column_names, rows), file=file)


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    line = " ".join(str(value).split())
    return line if len(line) <= _SHOWN_CHARACTERS or name == "file" else line[: _SHOWN_CHARACTERS - 3] + "..."


_as_json = partial(json.dumps, ensure_ascii=False, default=str)


def _write_json(tables: Iterable[pa.Table], file: TextIO) -> None:
    for number, row in enumerate(row for table in tables for row in table.to_pylist()):
        file.write((",\n" if number else "[\n") + _as_json(without_nan(row)))
    file.write("\n]\n")


def _write_jsonl(tables: Iterable[pa.Table], file: TextIO) -> None:
    for table in tables:
        file.writelines(_as_json(without_nan(row)) + "\n" for row in table.to_pylist())


def _write_csv(tables: Iterable[pa.Table], file: TextIO, *, dialect: str = "excel") -> None:
    writer = csv.writer(file, dialect=dialect)
    for number, table in enumerate(_alike(tables)):
        if number == 0:
            writer.writerow(table.column_names)
        writer.writerows(map(as_cell, row.values()) for row in table.to_pylist())


def _write_parquet(tables: Iterable[pa.Table], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for table in tables:
            table = table.replace_schema_metadata(None)  # pandas' and datasets' words on the input do not fit any more
            if writer is None:
                # A column that is empty so far may hold anything later, and anything can be text.
                fields = [
                    field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in table.schema
                ]
                writer = pq.ParquetWriter(path, pa.schema(fields))
            writer.write_table(table.cast(writer.schema))
    except pa.ArrowException as error:
        raise ValueError(f"later rows hold other kinds of values than the first ({error}): write .jsonl.") from error
    finally:
        if writer is not None:
            writer.close()


def _write_xlsx(tables: Iterable[pa.Table], path: Path) -> None:
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = Workbook(write_only=True)
    sheet = book.create_sheet("predictions")

    def cell(value: Any) -> Any:
        if value is None or (isinstance(value, (int, float, date)) and getattr(value, "tzinfo", None) is None):
            return without_nan(value)
        text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", str(value))
        if len(text) > _MOST_CHARACTERS:
            too_long = f"a text of {len(text):,} characters is too long for a cell of a spreadsheet"
            raise ValueError(f"{too_long}, which takes {_MOST_CHARACTERS:,}: end --output_file in .csv.")
        made = WriteOnlyCell(sheet, text)
        made.data_type = "s"  # no formula, whatever it begins with
        return made

    try:
        for number, table in enumerate(tables):
            if number == 0:
                sheet.append([*map(cell, table.column_names)])
            for row in table.to_pylist():
                sheet.append([*map(cell, row.values())])
    finally:
        sheet.close()  # or its temporary file is missed where the sheet is not saved
    book.save(path)


_BINARY: dict[str, Callable[[Iterable[pa.Table], Path], None]] = {"parquet": _write_parquet, "xlsx": _write_xlsx}
_WRITERS: dict[str, Callable[[Iterable[pa.Table], TextIO], None]] = {
    "table": _write_table,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "tsv": partial(_write_csv, dialect="excel-tab"),
}
