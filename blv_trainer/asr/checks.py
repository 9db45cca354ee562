"""Transcripts that look wrong: which, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASONS = {
    "no_speech": "no words, or Whisper itself doubts that there is speech",
    "repetition": "the text repeats itself",
    "implausible_speed": "too few or too many words for its length",
    "other_language": "not the expected language",
    "audio": "the recording is silent, clipped or truncated",
}

_NO_SPEECH = 0.6  # upstream's threshold of no_speech_prob
_LOW_LOGPROB = -1.0  # upstream's threshold of avg_logprob
_COMPRESSION = 2.4  # upstream's threshold; plain English text has about 1.5
_REPEATS = 4  # times in a row
_LONGEST_PHRASE = 8  # words
_WORDS_PER_SECOND = (0.2, 5.0)  # learners' minute-long answers lie between 0.1 (five words) and 4.2, at 1.9 on average
_BAD_AUDIO = ("silent", "clipped", "truncated")


def suspicions(row: Mapping[str, Any], *, language: str | None = "en") -> list[str]:
    """Why a transcript deserves a look; the keys of ``REASONS``, none for a sound one.

    Args:
        row: A row of the store.
        language: The expected one; None accepts all.

    Examples:
        >>> row = {"text": "you you you you you", "duration_s": 60.0, "language": "en", "compression_ratio": 1.1,
        ...        "no_speech_prob": 0.1, "avg_logprob": -0.3, "audio_notes": ["silent"]}
        >>> suspicions(row)
        ['repetition', 'implausible_speed', 'audio']
    """
    words = row["text"].split()
    speed = len(words) / row["duration_s"] if row["duration_s"] else 0.0
    doubted = (row["no_speech_prob"] or 0) > _NO_SPEECH and (row["avg_logprob"] or 0) < _LOW_LOGPROB
    found = {
        "no_speech": not words or doubted,
        "repetition": (row["compression_ratio"] or 0) > _COMPRESSION or longest_repetition(row["text"]) >= _REPEATS,
        "implausible_speed": bool(words) and not _WORDS_PER_SECOND[0] <= speed <= _WORDS_PER_SECOND[1],
        "other_language": language is not None and row["language"] != language,
        "audio": any(note.startswith(_BAD_AUDIO) for note in row["audio_notes"]),
    }
    return [reason for reason in REASONS if found[reason]]


def longest_repetition(text: str) -> int:
    """How often a phrase of at most eight words comes in a row; 1 where none does, 0 without words.

    Examples:
        >>> longest_repetition("I think I think I think so")
        3
    """
    words = text.lower().split()
    longest = min(1, len(words))
    for length in range(1, _LONGEST_PHRASE + 1):
        same = 0  # words in a row that equal the one a phrase before
        for before, word in zip(words, words[length:], strict=False):
            same = same + 1 if word == before else 0
            longest = max(longest, same // length + 1)
    return longest
