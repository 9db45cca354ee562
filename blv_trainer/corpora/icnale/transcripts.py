"""Finished Whisper transcripts, by answer."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blv_trainer.corpora.icnale.names import normalize_id

_DURATION_COLUMNS = ("duration_s", "duration")
_LONGEST = 1e9  # seconds


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
        ValueError: Where it is neither format or damaged, lacks a column, has two texts of one answer, or a duration
            that is no number of seconds.
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
        transcript = Transcript(row["text"], _duration_s(row, path))
        id_ = normalize_id(row["id"])
        if transcripts.setdefault(id_, transcript).text != transcript.text:
            raise ValueError(f"{path} has two different transcripts of {id_}.")
    return transcripts


def _duration_s(row: dict, path: Path) -> float | None:
    duration_s = next((row[column] for column in _DURATION_COLUMNS if row.get(column) is not None), None)
    if duration_s is None:
        return None
    is_number = isinstance(duration_s, (int, float)) and not isinstance(duration_s, bool)
    if not is_number or not 0 <= duration_s < _LONGEST:
        raise ValueError(f"{path}: the duration of {row['id']} is {duration_s!r}; it must be a number of seconds.")
    return float(duration_s)


def _read_parquet(path: Path) -> Iterable[dict]:
    import pyarrow
    import pyarrow.parquet

    try:
        names = pyarrow.parquet.read_schema(path).names
        wanted = [column for column in ("id", "text", *_DURATION_COLUMNS) if column in names]
        return pyarrow.parquet.read_table(path, columns=wanted, partitioning=None).to_pylist()
    except (pyarrow.ArrowException, OSError, MemoryError, ValueError, OverflowError, LookupError) as error:
        raise ValueError(f"{path} cannot be read as Parquet ({error}).") from error


def _read_jsonl(path: Path) -> Iterator[dict]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if not text.strip():
                    continue
                row = json.loads(text)
                json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is no character
            except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or a number of thousands of digits
                raise ValueError(f"{path}, line {number}: not JSON in UTF-8 ({error}).") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: every line must be a JSON object with id and text.")
            yield row
