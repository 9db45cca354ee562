"""Transcripts in a folder, safe against being killed at any moment.

    output_dir/parts/<number>-<rank>-<pid>.jsonl one file for each process that ever wrote, only ever appended to
    output_dir/transcripts.parquet               all rows of one set of options, written whole

A row is on disk before the next file is begun. A line that was being written when the process died has no line end and
does not count, nor does one whose checksum tells that the disk has changed it. Nothing is ever deleted or changed, so
that a part may be read while it is written.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from blv_trainer.asr.transcript_quality import measures
from blv_trainer.files import sync, without_nan, write_errors, write_whole

MERGED_FILE = "transcripts.parquet"
_FORMAT, _WITHOUT_CHECKSUM = 2, 1  # of a row; rows of another format are not taken for ours
_FORMAT_KEY = "format"
_CHECKSUM = b', "checksum": "%s"}\n'  # ends a line, and is of what stands before it
_PARTS = "parts"
_WORD = pa.struct(
    {"word": pa.string(), "start": pa.float64(), "end": pa.float64(), "probability": pa.float64()}  # seconds
)
_SEGMENT = pa.struct(
    {
        "id": pa.int64(),
        "seek": pa.int64(),  # start of its window, in hundredths of a second
        "start": pa.float64(),  # seconds
        "end": pa.float64(),
        "text": pa.string(),
        "tokens": pa.list_(pa.int64()),
        "temperature": pa.float64(),
        "avg_logprob": pa.float64(),
        "compression_ratio": pa.float64(),
        "no_speech_prob": pa.float64(),
        "words": pa.list_(_WORD),
    }
)
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "text": pa.string(),
        "language": pa.string(),
        "segments": pa.list_(_SEGMENT),
        "avg_logprob": pa.float64(),  # per token
        "no_speech_prob": pa.float64(),  # the highest of the segments
        "compression_ratio": pa.float64(),
        "duration_s": pa.float64(),
        "words_per_second": pa.float64(),
        "backend": pa.string(),
        "model": pa.string(),
        "options_hash": pa.string(),
        "options": pa.string(),  # JSON
        "audio_path": pa.string(),
        "audio_fingerprint": pa.string(),
        "audio_notes": pa.list_(pa.string()),
        "versions": pa.string(),  # JSON
    }
)

logger = logging.getLogger(__name__)


class TranscriptStore:
    """The rows of a folder; each process that writes has a part of its own, named by its rank."""

    def __init__(self, folder: str | os.PathLike, *, rank: int = 0):
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file. Give a folder for the transcripts.")
        self._rank = rank
        self._part: FileIO | None = None

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a row, by ``error`` in place of ``text`` a failure; on return it is on disk."""
        if self._part is None:
            with write_errors(self.folder):
                self._part = self._new_part()
        row = {_FORMAT_KEY: _FORMAT, **row}
        content = json.dumps(row, ensure_ascii=False, allow_nan=False).encode().removesuffix(b"}")
        left = content + _CHECKSUM % _digest(content).encode()
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
        rows = [row for row in self.rows(options_hash).values() if "error" not in row]
        # A file is one recording, under its last id: another's of its name, come later, has changed it.
        of_file = {(row["audio_path"], row["audio_fingerprint"]): row for row in rows}
        rows = sorted(of_file.values(), key=lambda row: row["id"])
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


def make_record(
    id: str,
    result: Mapping[str, Any],
    *,
    duration_s: float,
    audio_path: str,
    audio_fingerprint: str,
    audio_notes: Sequence[str] = (),
    description: Mapping[str, Any],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """The row of one transcript: ``whisper.transcribe``'s result, and what it was made from."""
    text = result["text"].strip()
    segments = without_nan(
        [{field.name: segment.get(field.name) for field in _SEGMENT} for segment in result["segments"]]
    )
    return {
        "id": id,
        "text": text,
        "language": result["language"],
        "segments": segments,
        **measures(text, segments),
        "duration_s": duration_s,
        "words_per_second": len(text.split()) / duration_s if duration_s > 0 else 0.0,
        "backend": description["backend"],
        "model": description["model"],
        "options_hash": options_hash(description),
        "options": json.dumps(description, sort_keys=True),
        "audio_path": audio_path,
        "audio_fingerprint": audio_fingerprint,
        "audio_notes": list(audio_notes),
        "versions": json.dumps(versions, sort_keys=True),
    }


def options_hash(description: Mapping[str, Any]) -> str:
    """Short digest of what decides the words; equal descriptions, equal digest."""
    text = json.dumps(description, sort_keys=True)
    return _digest(text.encode())


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


def _number(part: Path) -> int:
    first = part.name.partition("-")[0]
    return int(first) if first.isdecimal() else 0


def _read(part: Path) -> Iterator[dict[str, Any]]:
    others = 0
    with open(part, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # its writer died here, or is writing it now
            row = _parsed(line)
            if row is None:
                logger.warning("%s, line %d is damaged; what it held will be transcribed again.", part, number)
            elif row.pop(_FORMAT_KEY, None) in (_FORMAT, _WITHOUT_CHECKSUM):
                yield row
            else:
                others += 1
    if others:
        logger.warning("%s: %d rows were written by another version and do not count.", part, others)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line's row; None where it is not what was written."""
    content = line[: -len(_CHECKSUM % bytes(16))]
    whole = line == content + _CHECKSUM % _digest(content).encode()
    try:
        row = json.loads(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or (not whole and row.get(_FORMAT_KEY) == _FORMAT):
        return None
    row.pop("checksum", None)
    return row
