"""Finished Whisper transcripts, by answer."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blv_trainer.corpora.icnale_names import normalize_id

_DURATION_COLUMNS = ("duration_s", "duration")


@dataclass(frozen=True)
class Transcript:
    """What Whisper heard in one recording.

    Args:
        text: The transcript.
        duration_s: Length of the recording in seconds; None where the file does not say.
    """

    text: str
    duration_s: float | None = None


def read_transcripts(path: str | os.PathLike) -> dict[str, Transcript]:
    """Reads a finished store: Parquet or JSON lines with at least ``id`` and ``text``.

    An id may be that of the corpus (``SM_JPN_PTJ1_001``) or the recording's name, with or without extension.

    Args:
        path: A ``.parquet`` or ``.jsonl`` file.

    Raises:
        FileNotFoundError: Where there is no such file.
        ValueError: Where it is neither format, lacks a column, or has two texts of one answer.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file of transcripts {path}. Give a .parquet or .jsonl file with the columns id and text."
        )
    readers = {".parquet": _read_parquet, ".jsonl": _read_jsonl}
    if path.suffix.lower() not in readers:
        raise ValueError(f"{path}: transcripts are read from {' and '.join(readers)} files.")
    transcripts: dict[str, Transcript] = {}
    for row in readers[path.suffix.lower()](path):
        if not isinstance(row.get("id"), str) or not isinstance(row.get("text"), str):
            raise ValueError(f"{path}: every row needs an id and a text; this one has {sorted(row)}.")
        duration_s = next((row[column] for column in _DURATION_COLUMNS if row.get(column) is not None), None)
        transcript = Transcript(row["text"], duration_s)
        id_ = normalize_id(row["id"])
        if transcripts.setdefault(id_, transcript).text != transcript.text:
            raise ValueError(f"{path} has two different transcripts of {id_}.")
    return transcripts


def _read_parquet(path: Path) -> Iterable[dict]:
    import pyarrow
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(path).names
        wanted = [column for column in ("id", "text", *_DURATION_COLUMNS) if column in names]
        return pyarrow.parquet.read_table(path, columns=wanted).to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}).") from error


def _read_jsonl(path: Path) -> Iterator[dict]:
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: not JSON ({error}).") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: every line must be a JSON object with id and text.")
            yield row
