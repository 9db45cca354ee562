"""One transcript as it is kept: the words, what Whisper says about them, and what they were made from."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

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


def make_record(
    id: str,
    outcome: Mapping[str, Any],
    *,
    duration_s: float,
    audio_path: str,
    audio_fingerprint: str,
    audio_notes: Sequence[str] = (),
    description: Mapping[str, Any],
    versions: Mapping[str, str],
) -> dict[str, Any]:
    """The row of one transcript, with the columns of ``SCHEMA``.

    Args:
        id: The recording's file name without suffix.
        outcome: ``text``, ``segments``, ``language`` as ``whisper.transcribe`` gives them.
        duration_s: Length of the recording in seconds.
        audio_path: Of the recording, relative to the folder of all.
        audio_fingerprint: Of its content.
        audio_notes: Of reading it.
        description: Everything that decides the words, from the backend.
        versions: Of the packages used.
    """
    text = outcome["text"].strip()
    segments = [_segment(segment) for segment in outcome["segments"]]
    weights = [len(segment["tokens"] or ()) + 1 for segment in segments]
    return {
        "id": id,
        "text": text,
        "language": outcome["language"],
        "segments": segments,
        "avg_logprob": _mean([segment["avg_logprob"] for segment in segments], weights),
        "no_speech_prob": max((s["no_speech_prob"] for s in segments if s["no_speech_prob"] is not None), default=None),
        "compression_ratio": compression_ratio(text),
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
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def is_row(row: Any) -> bool:
    """Whether what was read back can be a transcript or a failure: the values that are there have their own types."""
    if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in _NAMING):
        return False
    if not isinstance(row["error"] if "error" in row else row.get("text"), str):
        return False
    if not all(_fits(row[name], kind) for name, kind in _KINDS.items() if name in row):
        return False
    return 0 <= (row.get("duration_s") or 0) < _LONGEST


def is_complete(row: Mapping[str, Any]) -> bool:
    """Whether a row is a transcript with every column, and with a value in those that every transcript has."""
    return "error" not in row and row.keys() >= _KINDS.keys() and all(row[name] is not None for name in _ALWAYS)


def compression_ratio(text: str) -> float:
    """Bytes of a text over its bytes when compressed; above 2.4 it repeats itself. 0 for an empty text."""
    from whisper.utils import compression_ratio as upstream

    return upstream(text) if text else 0.0


def _kind(arrow: pa.DataType) -> Any:
    """A type in a form that is quick to check values by: str, int, float, [item] or {name: value}."""
    if pa.types.is_struct(arrow):
        return {field.name: _kind(field.type) for field in arrow}
    if pa.types.is_list(arrow):
        return [_kind(arrow.value_type)]
    return int if pa.types.is_integer(arrow) else float if pa.types.is_floating(arrow) else str


def _fits(value: Any, kind: Any) -> bool:
    if value is None:
        return True
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_fits(value.get(name), inner) for name, inner in kind.items())
    if isinstance(kind, list):
        return isinstance(value, list) and all(item is not None and _fits(item, kind[0]) for item in value)
    if kind is str:  # half of a surrogate pair is no character
        return isinstance(value, str) and (value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value))
    if type(value) is int:  # True and False are none
        return abs(value) < 2**63
    return kind is float and isinstance(value, float)


_NAMING = ("id", "options_hash", "audio_fingerprint")
_LONGEST = 1e9  # seconds
_ALWAYS = ("text", "duration_s", "audio_notes")
_KINDS = {field.name: _kind(field.type) for field in SCHEMA}


def _segment(segment: Mapping[str, Any]) -> dict[str, Any]:
    values = {field.name: _plain(segment.get(field.name)) for field in _SEGMENT}
    if segment.get("words") is not None:
        values["words"] = [{field.name: _plain(word.get(field.name)) for field in _WORD} for word in segment["words"]]
    return values


def _plain(value: Any) -> Any:
    """Numpy's numbers as Python's, and nan, which JSON does not know, as None."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and math.isnan(value) else value


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    known = [(value, weight) for value, weight in zip(values, weights, strict=True) if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
