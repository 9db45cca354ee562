"""Transcripts in a folder, safe against being killed at any moment.

    output_dir/parts/<number>-<rank>-<pid>.jsonl one file for each process that ever wrote, only ever appended to
    output_dir/transcripts.parquet               all rows of one set of options, written whole

A row is on disk before the next file is begun. A line that was being written when the process died has no line end and
does not count. Nothing is ever deleted or changed, so that a part may be read while it is written.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blv_trainer.asr.record import SCHEMA, is_row
from blv_trainer.files import sync, write_errors, write_whole

MERGED_FILE = "transcripts.parquet"
FORMAT = 1  # of a row; rows of another format are not taken for ours
_FORMAT_KEY = "format"
_PARTS = "parts"

logger = logging.getLogger(__name__)


class TranscriptStore:
    """A folder of transcripts.

    Args:
        folder: Made where it is missing.
        rank: Of this process among those that write to the folder.

    Raises:
        NotADirectoryError: ``folder`` is a file.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = TranscriptStore(folder)
        ...     store.append({"id": "a", "options_hash": "1f", "audio_fingerprint": "c0", "text": "hello"})
        ...     store.close()
        ...     print(TranscriptStore(folder).rows("1f")["a"]["text"])
        hello
    """

    def __init__(self, folder: str | os.PathLike, *, rank: int = 0):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file. Give a folder for the transcripts.")
        self._rank = rank
        self._part: FileIO | None = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row; on return it is on disk.

        Args:
            row: At least ``id``, ``options_hash`` and ``audio_fingerprint``; with ``error`` it is a failure.
        """
        if self._part is None:
            with write_errors(self.folder):
                self._part = self._new_part()
        line = json.dumps({_FORMAT_KEY: FORMAT, **row}, ensure_ascii=False, allow_nan=False) + "\n"
        left = line.encode()
        try:
            with write_errors(self.folder / _PARTS):
                while left:
                    left = left[self._part.write(left) :]
                os.fsync(self._part.fileno())
        except OSError:
            self.close()  # the line may be torn, so the next one goes into a part of its own
            raise

    def close(self) -> None:
        """Ends writing; the next row would begin a new part."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def rows(self, options_hash: str) -> dict[str, dict[str, Any]]:
        """The last row of each id that was made with these options, failures included."""
        rows = {}
        for part in self._parts():
            for row in _read(part):
                if row["options_hash"] == options_hash:
                    rows[row["id"]] = row
        return rows

    def merge(self, options_hash: str) -> Path:
        """Writes every transcript made with these options to one Parquet file, ordered by id; its path."""
        rows = [row for _, row in sorted(self.rows(options_hash).items()) if "error" not in row]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        path = self.folder / MERGED_FILE
        write_whole(path, lambda temporary: pq.write_table(table, temporary))
        return path

    def _new_part(self) -> FileIO:
        folder = self.folder / _PARTS
        folder.mkdir(parents=True, exist_ok=True)
        # Numbered, so that a later row of the same id comes later, whatever the clock says; never an old part, whose
        # last line may be torn.
        number = 1 + max((_number(part) for part in self._parts()), default=0)
        path = folder / f"{number:06d}-{self._rank}-{os.getpid()}.jsonl"
        part = open(path, "xb", buffering=0)  # noqa: SIM115  closed by close()
        for directory in (folder, self.folder):
            sync(directory)
        return part

    def _parts(self) -> list[Path]:
        return sorted((self.folder / _PARTS).glob("*.jsonl"), key=lambda part: (_number(part), part.name))


def _number(part: Path) -> int:
    first = part.name.partition("-")[0]
    return int(first) if first.isdecimal() else 0


def _read(part: Path) -> Iterator[dict[str, Any]]:
    others = 0
    with open(part, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # its writer died here, or is writing it now
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict) and row.pop(_FORMAT_KEY, None) != FORMAT:
                others += 1
            elif is_row(row):
                yield row
            else:
                logger.warning("%s, line %d is damaged; what it held will be transcribed again.", part, number)
    if others:
        logger.warning("%s: %d rows were written by another version and do not count.", part, others)
