"""A result as HTML. Whatever comes from a user, a transcriber or a model is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from blv_trainer.app import texts
from blv_trainer.asr.checks import REASONS


def render_result(result: Mapping[str, Any], *, whisper_name: str) -> str:
    """What was found of one text or recording.

    Args:
        result: Of ``Assessor.read`` or ``Assessor.listen``.
        whisper_name: Who wrote the transcript.
    """
    parts = [_refusal(result["refusal"]) if result["refusal"] else _level(result)]
    if result["transcript"]:
        of_sound = result.get("duration_s") is not None
        heading = f"What Whisper {escape(whisper_name)} heard" if of_sound else "The text that was read"
        parts.append(f'<h3>{heading}</h3><blockquote dir="auto">{escape(result["transcript"])}</blockquote>')
        if of_sound:
            parts.append(f'<p class="note">{result["duration_s"]:.0f} s, {result["speech_s"]:.0f} s of it speech.</p>')
    # The refusal has said it already where there is one.
    if result["warnings"] and not result["refusal"]:
        reasons = "; ".join(escape(REASONS[reason]) for reason in result["warnings"])
        parts.append(f'<p class="warning">Take this estimate with care: {reasons}.</p>')
    return _section("".join(parts))


def render_waiting() -> str:
    """What stands in the place of a result before there is one."""
    return _section(f'<p class="note">{texts.WAITING}</p>')


def render_introduction(model_name: str, whisper_name: str, levels: Sequence[str]) -> str:
    """The head of the page."""
    ordered = " &lt; ".join(f"<b>{escape(level)}</b>" for level in levels)
    return (
        f"<h1>{texts.TITLE}</h1><p>{texts.INTRODUCTION}</p>"
        f'<p class="note">Levels, lowest first: {ordered}. Model: {escape(model_name)}. '
        f"Transcripts: Whisper {escape(whisper_name)}.</p>"
    )


def render_cannot_know(max_tokens: int) -> str:
    """What the model cannot know, and what becomes of the recordings."""
    items = "".join(f"<li>{item}</li>" for item in texts.CANNOT_KNOW)
    words = max(max_tokens * 3 // 4 // 10 * 10, 10)  # English text has about four tokens for three words
    length = f"<li><b>The end of a long answer.</b> It reads about the first {words:,} words.</li>"
    return f'<h2>{texts.CANNOT_KNOW_TITLE}</h2><ul>{items}{length}</ul><p class="note">{texts.PRIVACY}</p>'


def _level(result: Mapping[str, Any]) -> str:
    levels = list(result["scores"])
    bars = "".join(
        f'<li class="{"chosen" if name == result["level"] else ""}"><span class="name">{escape(name)}</span>'
        f'<span class="track"><span class="bar" style="width: {100 * share:.1f}%"></span></span>'
        f'<span class="share">{100 * share:.0f} %</span></li>'
        for name, share in result["scores"].items()
    )
    return (
        f'<p class="level">Most likely level: <strong>{escape(result["level"])}</strong></p>'
        f'<ul class="bars" aria-label="Probability of each level">{bars}</ul>'
        f'<p>Expected score <strong class="expected">{result["expected_score"]:.2f}</strong> on a scale from 0 '
        f"({escape(levels[0])}) to {len(levels) - 1} ({escape(levels[-1])}): the average level, weighted by the bars."
        "</p>"
    )


def _refusal(refusal: Mapping[str, str]) -> str:
    message = escape(refusal["message"])
    return (
        f'<p class="refusal"><strong>No estimate this time.</strong> {message} {_ADVICE.get(refusal["reason"], "")}</p>'
    )


_ADVICE = {
    "silence": "Is the microphone on, and the right one chosen?",
    "too_short": "Please talk for about a minute.",
    "other_language": "Please talk in that language; if you did, a quieter place or a closer microphone may help.",
    "unreadable": "Please record it here, or save it as wav, flac, ogg or mp3.",
}


def _section(content: str) -> str:
    return f'<section class="result" aria-live="polite">{content}</section>'
