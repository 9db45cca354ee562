"""Transcripts in a folder, safe against being killed at any moment.

    output_dir/parts/<time>-<rank>-<pid>.jsonl   one file for each process that ever wrote, only ever appended to
    output_dir/transcripts.parquet               all rows of one set of options, written whole

A row is on disk before the next file is begun. A line that was being written when the process died has no line end and
does not count. Nothing is ever deleted or changed, so that a part may be read while it is written.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blv_trainer.asr.record import SCHEMA

MERGED_FILE = "transcripts.parquet"
_PARTS = "parts"

logger = logging.getLogger(__name__)


class TranscriptStore:
    """A folder of transcripts.

    Args:
        folder: Made where it is missing.
        rank: Of this process among those that write to the folder.

    Raises:
        NotADirectoryError: ``folder`` is a file.

    Example:
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
        self._part = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row; on return it is on disk.

        Args:
            row: At least ``id``, ``options_hash`` and ``audio_fingerprint``; with ``error`` it is a failure.
        """
        if self._part is None:
            self._part = self._new_part()
        line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
        self._part.write(line.encode())
        self._part.flush()
        os.fsync(self._part.fileno())

    def close(self) -> None:
        """Ends writing; the next row would begin a new part."""
        if self._part is not None:
            self._part.close()
            self._part = None

    def rows(self, options_hash: str) -> dict[str, dict[str, Any]]:
        """The last row of each id that was made with these options, failures included."""
        rows = {}
        for part in sorted((self.folder / _PARTS).glob("*.jsonl")):
            for row in _read(part):
                if row["options_hash"] == options_hash:
                    rows[row["id"]] = row
        return rows

    def merge(self, options_hash: str) -> Path:
        """Writes every transcript made with these options to one Parquet file, ordered by id; its path."""
        rows = [row for _, row in sorted(self.rows(options_hash).items()) if "error" not in row]
        table = pa.Table.from_pylist(rows, schema=SCHEMA)
        path = self.folder / MERGED_FILE
        temporary = path.with_name(f".{MERGED_FILE}.{os.getpid()}")
        self.folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, temporary)
        _sync(temporary)
        os.replace(temporary, path)
        _sync(self.folder)
        return path

    def _new_part(self):
        folder = self.folder / _PARTS
        folder.mkdir(parents=True, exist_ok=True)
        # By time, so that a later row of the same id comes later; never an old part, whose last line may be torn.
        part = open(folder / f"{time.time_ns()}-{self._rank}-{os.getpid()}.jsonl", "xb")  # noqa: SIM115  closed by close()
        for directory in (folder, self.folder):
            _sync(directory)
        return part


def _read(part: Path) -> Iterator[dict[str, Any]]:
    with open(part, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return  # its writer died here, or is writing it now
            try:
                row = json.loads(line)
                yield {**row, "id": row["id"], "options_hash": row["options_hash"]}
            except (ValueError, KeyError, TypeError):
                logger.warning("%s, line %d is damaged; what it held will be transcribed again.", part, number)


def _sync(path: Path) -> None:
    """Makes a file's content, or a folder's entries, survive a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
