"""Transcripts that look wrong, and transcripts that hold too little speech to be judged by."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

REASONS = {
    "no_speech": "no words, or Whisper itself doubts that there is speech",
    "unsure": "Whisper itself doubts its words",
    "repetition": "the text repeats itself",
    "implausible_speed": "too few or too many words for its length",
    "other_language": "not the expected language",
    "audio": "the recording is silent, clipped, truncated or damaged",
}
MIN_SPEECH_S = 5.0  # seconds
REFUSALS = {
    "unreadable": "The recording cannot be read: {detail}",
    "silence": "No speech was heard in the recording.",
    "too_short": "Only {speech_s:.1f} s of speech was heard; a level takes at least {min_speech_s:g} s.",
    "other_language": "The speech sounds like {heard}; the model knows {expected} only.",
}

_NO_SPEECH = 0.6  # upstream's threshold of no_speech_prob
_LOW_LOGPROB = -1.0  # upstream's threshold of avg_logprob
_COMPRESSION = 2.4  # upstream's threshold; plain English text has about 1.5
_REPEATS = 4  # times in a row
_LONGEST_PHRASE = 8  # words
_WORDS_PER_SECOND = (0.2, 5.0)  # learners' minute-long answers lie between 0.1 (five words) and 4.2, at 1.9 on average
_BAD_AUDIO = ("silent", "clipped", "truncated", "damaged")
_SECONDS_PER_CHARACTER = 0.4  # about 2 s a word, slower than the slowest of learners


def suspicions(transcript: Mapping[str, Any], *, language: str | None = "en") -> list[str]:
    """Why a transcript deserves a look: keys of ``REASONS``.

    Args:
        transcript: A row that `transcribe` gives: ``text``, ``segments`` and ``language`` as of ``whisper.transcribe``,
            ``duration_s`` and ``audio_notes`` of the recording.
        language: Code of the expected one; None accepts all.

    Examples:
        >>> said = {"text": "you you you you you", "avg_logprob": -0.3, "no_speech_prob": 0.1, "tokens": [1] * 5}
        >>> suspicions({"text": said["text"], "segments": [said], "language": "en", "duration_s": 60.0,
        ...             "audio_notes": ["silent"]})
        ['repetition', 'implausible_speed', 'audio']
    """
    text = transcript["text"]
    measured = measures(text, transcript["segments"])
    words = text.split()
    speed = len(words) / transcript["duration_s"] if transcript["duration_s"] else 0.0
    found = {
        "no_speech": not words or _doubted(measured),
        # Of 96 sentences by learners: 15 of the 40 with more than half of their words wrong, none of the other 56.
        "unsure": bool(words) and not _doubted(measured) and (measured["avg_logprob"] or 0) < _LOW_LOGPROB,
        "repetition": measured["compression_ratio"] > _COMPRESSION or longest_repetition(text) >= _REPEATS,
        "implausible_speed": bool(words) and not _WORDS_PER_SECOND[0] <= speed <= _WORDS_PER_SECOND[1],
        "other_language": language is not None and transcript["language"] != language,
        "audio": any(note.startswith(_BAD_AUDIO) for note in transcript["audio_notes"]),
    }
    return [reason for reason in REASONS if found[reason]]


def judge(
    transcript: Mapping[str, Any], *, expected_language: str | None = "en", min_speech_s: float = MIN_SPEECH_S
) -> tuple[float, dict[str, str] | None]:
    """Whether a transcript can be given a level.

    A segment counts as speech if it has words and Whisper does not doubt it (``no_speech_prob`` above 0.6 together with
    ``avg_logprob`` below -1), and for at most 0.4 s a character: over noise Whisper likes to write "Thank you." and let
    it last for half a minute. Short pauses inside a segment count, silence between segments does not.

    Args:
        transcript: ``segments`` and ``language`` as of ``whisper.transcribe`` and ``duration_s`` of the recording; of
            one that could not be read also ``unreadable``, the reason.
        expected_language: Code of the only language accepted; None accepts all.
        min_speech_s: Least seconds of speech.

    Returns:
        Seconds of speech, and None or the refusal: ``reason`` (a key of ``REFUSALS``) and ``message``.

    Examples:
        >>> said = {"text": " I think so.", "start": 0.0, "end": 3.0, "no_speech_prob": 0.1, "avg_logprob": -0.4}
        >>> noise = {**said, "text": " you", "start": 3.0, "end": 30.0, "no_speech_prob": 0.9, "avg_logprob": -1.5}
        >>> judge({"segments": [said, noise], "language": "en", "duration_s": 30.0})
        (3.0, {'reason': 'too_short', 'message': 'Only 3.0 s of speech was heard; a level takes at least 5 s.'})
    """
    speech_s = _speech_seconds(transcript)
    if "unreadable" in transcript:
        return speech_s, _refusal("unreadable", detail=transcript["unreadable"])
    if speech_s == 0:
        return speech_s, _refusal("silence")
    if speech_s < min_speech_s:
        return speech_s, _refusal("too_short", speech_s=speech_s, min_speech_s=min_speech_s)
    if expected_language is not None and transcript["language"] != expected_language:
        heard, expected = language_name(transcript["language"]), language_name(expected_language)
        return speech_s, _refusal("other_language", heard=heard, expected=expected)
    return speech_s, None


def language_name(code: str) -> str:
    """Whisper's name of a language by its code: "Japanese" of "ja".

    Raises:
        ValueError: An unknown code.
    """
    from whisper.tokenizer import LANGUAGES

    if code not in LANGUAGES:
        raise ValueError(f"{code!r} is no language code of Whisper's: give one such as 'en', or None to accept all.")
    return LANGUAGES[code].capitalize()


def measures(text: str, segments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whisper's measures of its segments for the whole text; None where a backend does not give them."""
    measured = [s for s in segments if s["avg_logprob"] is not None]
    weights = [len(segment["tokens"]) + 1 for segment in measured]
    log_probability = sum(s["avg_logprob"] * weight for s, weight in zip(measured, weights, strict=True))
    doubts = [segment["no_speech_prob"] for segment in segments if segment["no_speech_prob"] is not None]
    content = text.encode()
    return {
        "avg_logprob": log_probability / sum(weights) if weights else None,
        "no_speech_prob": max(doubts, default=None),
        "compression_ratio": len(content) / len(zlib.compress(content)) if content else 0.0,  # as whisper.utils has it
    }


def _speech_seconds(transcript: Mapping[str, Any]) -> float:
    total = 0.0
    for segment in transcript["segments"]:
        length = min(segment["end"], transcript["duration_s"]) - segment["start"]
        words = segment["text"].strip()
        if words and not _doubted(segment):
            total += min(max(length, 0.0), _SECONDS_PER_CHARACTER * len(words))
    return min(total, transcript["duration_s"])


def longest_repetition(text: str) -> int:
    """How often a phrase of at most eight words comes in a row; 1 where none does, 0 without words."""
    words = text.lower().split()
    longest = min(1, len(words))
    for length in range(1, _LONGEST_PHRASE + 1):
        same = 0  # words in a row that equal the one a phrase before
        for before, word in zip(words, words[length:], strict=False):
            same = same + 1 if word == before else 0
            longest = max(longest, same // length + 1)
    return longest


def _doubted(measured: Mapping[str, Any]) -> bool:
    return (measured["no_speech_prob"] or 0) > _NO_SPEECH and (measured["avg_logprob"] or 0) < _LOW_LOGPROB


def _refusal(reason: str, **details: Any) -> dict[str, str]:
    return {"reason": reason, "message": REFUSALS[reason].format(**details)}
