"""faster-whisper behind the same interface: other code (CTranslate2), the same weights, not the same words."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

import numpy as np

_AUTO_BATCH = 8  # windows of one file


class FasterWhisper:
    """Transcribes file after file; the windows of one file are a batch, cut by faster-whisper's voice detector.

    Its transcripts differ from openai-whisper's: other windows, other rounding, other rules for what is speech.

    Args:
        model: Name of a model, or folder of a converted one.
        language: Code; None: detected for each file.
        batch_size: Windows of a file at a time; "auto": 8; 1: one after the other, without the voice detector.
        device: "cpu", "cuda", "cuda:1" or None: a GPU if there is one.
        compute_type: Of the weights, such as "int8", "float16", "float32"; "default": as they are stored.
        **options: Of faster-whisper's ``transcribe``.

    Raises:
        ImportError: faster-whisper is not installed.
        ValueError: A batch size below 1.
    """

    name = "faster-whisper"

    def __init__(
        self,
        model: str = "large-v2",
        *,
        language: str | None = None,
        batch_size: int | Literal["auto"] = "auto",
        device: str | None = None,
        compute_type: str = "default",
        **options: Any,
    ):
        try:
            import faster_whisper
        except ImportError as error:
            raise ImportError('the backend faster-whisper needs: pip install "blv_trainer[faster]"') from error
        if batch_size != "auto" and not batch_size >= 1:
            raise ValueError(f"batch_size={batch_size} cannot be used: give a number from 1 up, or 'auto'.")
        self.model = os.fspath(model)
        self._library = faster_whisper
        self._batch_size = _AUTO_BATCH if batch_size == "auto" else batch_size
        self._device, _, self._device_index = (device or "auto").partition(":")
        self._compute_type = compute_type
        self._options = {"condition_on_previous_text": False, "language": language, **options}
        self._loaded: Callable[[np.ndarray], Any] | None = None

    def describe(self) -> dict[str, Any]:
        """Everything that decides the words."""
        return {
            "backend": self.name,
            "model": self.model,
            "batch_size": self._batch_size,  # decides where the windows are cut
            "compute_type": self._compute_type,
            **self._options,
        }

    def transcribe(self, files: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
        """Transcribes files one by one.

        Args:
            files: Names and samples (float32, mono, 16 kHz).

        Yields:
            Each name with text, segments and language in openai-whisper's form, or with the exception raised.
        """
        for name, samples in files:
            try:
                segments, info = self._pipeline()(samples)
                outcome: dict[str, Any] | Exception = _as_openai(list(segments), info.language)
            except Exception as error:  # the file's own failure; the others go on
                outcome = error
            yield name, outcome

    def _pipeline(self) -> Callable[[np.ndarray], Any]:
        if self._loaded is None:
            model = self._library.WhisperModel(
                self.model,
                device=self._device,
                device_index=int(self._device_index or 0),
                compute_type=self._compute_type,
            )
            if self._batch_size == 1:
                self._loaded = lambda samples: model.transcribe(samples, **self._options)
            else:
                batched = self._library.BatchedInferencePipeline(model)
                self._loaded = lambda samples: batched.transcribe(samples, batch_size=self._batch_size, **self._options)
        return self._loaded


def _as_openai(segments: list[Any], language: str) -> dict[str, Any]:
    rows = [{**dataclasses.asdict(segment), "tokens": [int(token) for token in segment.tokens]} for segment in segments]
    return {"text": "".join(segment.text for segment in segments), "segments": rows, "language": language}
