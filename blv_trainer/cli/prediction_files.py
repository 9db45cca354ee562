"""Predictions written as they come: to the terminal or to a file that is there whole or not at all."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from blv_trainer.cli.terminal_tables import format_table
from blv_trainer.corpora import as_cell
from blv_trainer.files import write_whole

FORMATS = ("table", "json", "jsonl", "csv", "tsv", "parquet")

_LONG_COLUMNS = ("text", "transcript", "refusal")
_SHOWN_CHARACTERS = 40  # of them, in a table on the terminal

Rows = list[dict[str, Any]]


def write_predictions(chunks: Iterable[Rows], *, output_file: str | None = None, format: str | None = None) -> None:
    """Write rows to a file, whole or not at all, or to the terminal; no more than one chunk is held in memory.

    The first row's keys are the columns. The format is by default the file's suffix, else a table for each chunk.
    """
    suffix = Path(output_file or "").suffix.lower().removeprefix(".")
    format = format or (suffix if suffix in FORMATS else "table")
    if output_file is None:
        if format == "parquet":
            raise ValueError("--format parquet is not for the terminal: give --output_file FILE.parquet.")
        _WRITERS[format](chunks, sys.stdout)
    elif format == "parquet":
        write_whole(output_file, lambda temporary: _write_parquet(chunks, temporary))
    else:
        write_whole(output_file, lambda temporary: _write_text(chunks, temporary, format))


def _write_text(chunks: Iterable[Rows], path: Path, format: str) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        _WRITERS[format](chunks, file)


def _write_table(chunks: Iterable[Rows], file: TextIO) -> None:
    for rows in chunks:
        header = list(rows[0])
        print(format_table(header, [[_shown(name, row[name]) for name in header] for row in rows]), file=file)


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return "-"
    if name in _LONG_COLUMNS:
        line = " ".join(value.split())
        return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 3] + "..."
    return f"{value:.3f}" if isinstance(value, float) else value


def _write_json(chunks: Iterable[Rows], file: TextIO) -> None:
    separator = "[\n"
    for rows in chunks:
        for row in rows:
            file.write(separator + json.dumps(row, ensure_ascii=False))
            separator = ",\n"
    file.write("\n]\n")


def _write_jsonl(chunks: Iterable[Rows], file: TextIO) -> None:
    for rows in chunks:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_csv(chunks: Iterable[Rows], file: TextIO, *, dialect: str = "excel") -> None:
    writer = None
    for rows in chunks:
        if writer is None:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), dialect=dialect)
            writer.writeheader()
        writer.writerows({name: as_cell(value) for name, value in row.items()} for row in rows)


def _write_parquet(chunks: Iterable[Rows], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for rows in chunks:
            table = pa.Table.from_pylist(rows, schema=writer.schema if writer else None)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


_WRITERS: dict[str, Callable[[Iterable[Rows], TextIO], None]] = {
    "table": _write_table,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "tsv": partial(_write_csv, dialect="excel-tab"),
}
