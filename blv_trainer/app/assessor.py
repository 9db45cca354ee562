"""The model behind the page, and the limits on what it is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import soundfile

from blv_trainer.pipelines import SpeakingAssessmentPipeline
from blv_trainer.prediction import label_names, load_classifier, max_tokens

_BLOCK_FRAMES = 1 << 16


@dataclass(frozen=True)
class Limits:
    """The most that one request may hold.

    Args:
        max_characters: Of a text.
        max_seconds: Of a recording.
        max_megabytes: Of an uploaded file.

    Raises:
        ValueError: A limit that lets nothing through.
    """

    max_characters: int = 10_000
    max_seconds: float = 180.0
    max_megabytes: float = 20.0

    def __post_init__(self) -> None:
        for name in ("max_characters", "max_seconds", "max_megabytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} lets nothing through: give a number above 0.")


class Assessor:
    """A classifier and a transcriber, loaded once, for texts and recordings of strangers.

    Args:
        model: Folder or Hub id of a classifier; it is loaded at once, Whisper with the first recording.
        whisper_model: Name or path of the weights.
        whisper_options: Of the transcriber, as for `SpeakingAssessmentPipeline`.
        limits: On what is put in.
        trust_remote_code: Run model code that comes with the checkpoint.

    Raises:
        FileNotFoundError: No such model.
        ValueError: An unknown Whisper model.
    """

    def __init__(
        self,
        model: str,
        *,
        whisper_model: str = "large-v2",
        whisper_options: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        trust_remote_code: bool = False,
    ):
        classifier, tokenizer = load_classifier(model, trust_remote_code=trust_remote_code)
        self.model_name = os.path.basename(os.path.abspath(model)) if os.path.isdir(model) else model
        self.whisper_name = os.path.basename(whisper_model)
        self.limits = limits or Limits()
        self.levels = label_names(classifier)
        self.max_tokens = max_tokens(classifier, tokenizer)
        self._pipeline = SpeakingAssessmentPipeline(
            model=classifier,
            tokenizer=tokenizer,
            device=classifier.device,
            whisper_model=whisper_model,
            whisper_options=whisper_options,
        )

    def read(self, text: str | None) -> dict[str, Any]:
        """Assess a text; the result has the form of the pipeline's, without anything about sound."""
        text = (text or "").strip()
        if not text:
            return refused("empty", "There is no text yet: paste one, or choose an example.")
        if len(text) > self.limits.max_characters:
            return refused(
                "too_long",
                f"The text has {len(text):,} characters; at most {self.limits.max_characters:,} are read. Shorten it.",
            )
        return self._pipeline.assess_text(text)

    def listen(self, path: str | None) -> dict[str, Any]:
        """Assess a recording."""
        if not path:
            return refused("empty", "There is no recording yet: speak, or upload one.")
        if os.path.getsize(path) > self.limits.max_megabytes * 1e6:
            return refused(
                "too_large", f"The file is larger than {self.limits.max_megabytes:g} MB. Cut or compress it."
            )
        if lasts_longer(path, self.limits.max_seconds):
            return refused(
                "too_long",
                f"The recording is longer than {self.limits.max_seconds:g} s. Cut it, or answer more briefly.",
            )
        result = self._pipeline(path)
        if result["refusal"]:  # may name the file, but not where it lies on this machine
            result["refusal"]["message"] = result["refusal"]["message"].replace(path, os.path.basename(path))
        return result


def refused(reason: str, message: str) -> dict[str, Any]:
    """A result without a level."""
    return {
        "transcript": "",
        "level": None,
        "scores": None,
        "expected_score": None,
        "warnings": [],
        "refusal": {"reason": reason, "message": message},
    }


def lasts_longer(path: str, seconds: float) -> bool:
    """Whether a sound file goes on for longer, found by decoding it, a little at a time.

    A small file can hold hours of silence, and what its header says of its length need not be true. One that cannot be
    decoded is not longer; whoever reads it will say what is wrong with it.
    """
    try:
        with soundfile.SoundFile(path) as file:
            left = int(seconds * file.samplerate)
            while left >= 0 and (read := len(file.read(_BLOCK_FRAMES, dtype="float32", always_2d=True))):
                left -= read
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless .raw
        return False
    return left < 0
