"""Whether a transcript holds enough speech, of the expected language, to be judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blv_trainer.asr.checks import suspicions

MIN_SPEECH_S = 5.0  # seconds
REFUSALS = {
    "unreadable": "The recording cannot be read: {detail}",
    "silence": "No speech was heard in the recording.",
    "too_short": "Only {speech_s:.1f} s of speech was heard; a level takes at least {min_speech_s:g} s.",
    "other_language": "The speech sounds like {heard}; the model knows {expected} only.",
}

_SECONDS_PER_CHARACTER = 0.4  # about 2 s a word, slower than the slowest of learners


def judge(
    row: Mapping[str, Any], *, expected_language: str | None = "en", min_speech_s: float = MIN_SPEECH_S
) -> tuple[float, dict[str, str] | None]:
    """Whether a transcript can be given a level.

    Args:
        row: A row of the store of transcripts; one that could not be read says why under ``unreadable``.
        expected_language: Code of the only language accepted; None accepts all.
        min_speech_s: Least seconds of speech.

    Returns:
        Seconds of speech, and None or the refusal: ``reason`` and ``message``.
    """
    speech_s = speech_seconds(row)
    if "unreadable" in row:
        return speech_s, _refusal("unreadable", detail=row["unreadable"])
    if speech_s == 0:
        return speech_s, _refusal("silence")
    if speech_s < min_speech_s:
        return speech_s, _refusal("too_short", speech_s=speech_s, min_speech_s=min_speech_s)
    if expected_language is not None and row["language"] != expected_language:
        heard, expected = language_name(row["language"]), language_name(expected_language)
        return speech_s, _refusal("other_language", heard=heard, expected=expected)
    return speech_s, None


def speech_seconds(row: Mapping[str, Any]) -> float:
    """Seconds of speech in a transcript: the length of Whisper's segments, without those that are no speech.

    A segment counts if it has words and Whisper does not doubt that it is speech (``no_speech_prob`` above 0.6 together
    with ``avg_logprob`` below -1), and for at most 0.4 s a character: over noise Whisper likes to write "Thank you."
    and let it last for half a minute. Short pauses inside a segment count, the silence between segments does not.

    Args:
        row: With ``duration_s`` and ``segments`` (``text``, ``start``, ``end``, ``no_speech_prob`` ...).

    Examples:
        >>> said = {"text": " I think so.", "start": 0.0, "end": 3.0, "no_speech_prob": 0.1, "avg_logprob": -0.4,
        ...         "compression_ratio": 0.8}
        >>> noise = {**said, "text": " you", "start": 3.0, "end": 30.0, "no_speech_prob": 0.9, "avg_logprob": -1.5}
        >>> speech_seconds({"duration_s": 30.0, "segments": [said, noise]})
        3.0
    """
    total = 0.0
    for segment in row["segments"]:
        length = min(segment["end"], row["duration_s"]) - segment["start"]
        doubts = suspicions({**segment, "duration_s": length, "language": None, "audio_notes": ()}, language=None)
        if "no_speech" not in doubts:
            total += min(max(length, 0.0), _SECONDS_PER_CHARACTER * len(segment["text"].strip()))
    return min(total, row["duration_s"])


def language_name(code: str) -> str:
    """Whisper's name of a language, such as "Japanese".

    Raises:
        ValueError: An unknown code.
    """
    from whisper.tokenizer import LANGUAGES

    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is no language code of Whisper's: give one such as 'en', or None to accept all.")
    return LANGUAGES[code].capitalize()


def _refusal(reason: str, **details: Any) -> dict[str, str]:
    return {"reason": reason, "message": REFUSALS[reason].format(**details)}
