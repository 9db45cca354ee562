"""Who transcribes: the interface, the table of those who have it, and faster-whisper behind it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Protocol

import numpy as np

from blv_trainer.checks import did_you_mean

BACKENDS = ("openai-whisper", "faster-whisper")


class Backend(Protocol):
    """Turns sounds into words; any object with these two methods will do."""

    def describe(self) -> dict[str, Any]:
        """Everything that decides the words, as JSON carries it; ``backend`` and ``model`` among it."""

    def transcribe(self, files: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
        """Transcribes files, in any order.

        Args:
            files: Names and samples (float32, mono, 16 kHz).

        Yields:
            Each name with ``text``, ``segments`` and ``language`` as ``whisper.transcribe`` gives them, or with what
            transcribing it raised.
        """


def build_backend(name: str, model: str, **options: Any) -> Backend:
    """The backend of a name.

    Args:
        name: ``"openai-whisper"``: many files at a time, each with the words of ``whisper.transcribe`` alone.
            ``"faster-whisper"`` (an extra): other code (CTranslate2), the same weights, not the same words.
        model: Name of a Whisper model, or path of its weights (a folder for faster-whisper); loaded on first use.
        **options: Of both: ``language`` (code; None: detected for each file), ``batch_size`` (windows at a time, or
            "auto"), ``device`` (such as "cpu", "cuda:1"; None: a GPU if there is one), and those of its ``transcribe``.
            Of openai-whisper: ``fp16`` (None: on a GPU), ``seed`` of the draws at temperatures above 0. Of
            faster-whisper: ``compute_type`` ("int8", "float16" ...).

    Raises:
        ValueError: An unknown name, model or option, another language for weights that know English only, or a device
            that is not there.
        FileNotFoundError: A path without weights.
        ImportError: The backend is an extra that is not installed.

    Examples:
        >>> build_backend("openai-whisper", "tiny", language="English").describe()["language"]
        'en'
    """
    language = options.get("language")
    if os.fspath(model).endswith(".en") and language is not None and language.lower() not in ("en", "english"):
        raise ValueError(
            f"language={language!r} cannot be used with {model}, which knows English only: take the weights without "
            "'.en', or language 'en'."
        )
    if name == "openai-whisper":
        from blv_trainer.asr.whisper import OpenAIWhisper

        return OpenAIWhisper(model, **options)
    if name == "faster-whisper":
        return FasterWhisper(model, **options)
    raise ValueError(f"backend={name!r} is unknown. Choose from: {', '.join(BACKENDS)}.{did_you_mean(name, BACKENDS)}")


class FasterWhisper:
    """Transcribes file after file; the windows of one file are a batch, cut by faster-whisper's voice detector."""

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
        self._batch_size = 8 if batch_size == "auto" else batch_size  # windows of one file
        kind, _, index = (device or "auto").partition(":")
        self._where = {"device": kind, "device_index": int(index or 0), "compute_type": compute_type}
        self._options = {"condition_on_previous_text": False, "language": language, **options}
        self._loaded: Any = None

    def describe(self) -> dict[str, Any]:
        """Everything that decides the words."""
        return {
            "backend": "faster-whisper",
            "model": self.model,
            "batch_size": self._batch_size,  # decides where the windows are cut
            "compute_type": self._where["compute_type"],
            **self._options,
        }

    def transcribe(self, files: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
        """Transcribes files one by one."""
        if self._loaded is None:
            model = self._library.WhisperModel(self.model, **self._where)
            self._loaded = model if self._batch_size == 1 else self._library.BatchedInferencePipeline(model)
        options = self._options if self._batch_size == 1 else {"batch_size": self._batch_size, **self._options}
        for name, samples in files:
            try:
                segments, info = self._loaded.transcribe(samples, **options)
                result: dict[str, Any] | Exception = _as_openai(list(segments), info.language)
            except Exception as error:  # the file's own failure; the others go on
                result = error
            yield name, result


def _as_openai(segments: list[Any], language: str) -> dict[str, Any]:
    rows = [{**dataclasses.asdict(segment), "tokens": [int(token) for token in segment.tokens]} for segment in segments]
    return {"text": "".join(segment.text for segment in segments), "segments": rows, "language": language}
