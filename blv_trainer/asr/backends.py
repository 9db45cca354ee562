"""Who transcribes: ``BACKENDS``, ``build_backend``."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from blv_trainer.suggestions import did_you_mean

BACKENDS = {
    "openai-whisper": "blv_trainer.asr.whisper:OpenAIWhisper",
    "faster-whisper": "blv_trainer.asr.faster_whisper:FasterWhisper",
}


class Backend(Protocol):
    """Turns sounds into words."""

    def describe(self) -> dict[str, Any]:
        """Everything that decides the words, as JSON carries it; ``backend`` and ``model`` among it."""

    def transcribe(self, files: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
        """Names and samples (float32, mono, 16 kHz) -> names with ``text``, ``segments``, ``language``, or an error."""


def build_backend(name: str, model: str, **options: Any) -> Backend:
    """Builds a backend by its name.

    Args:
        name: A key of ``BACKENDS``.
        model: Name of a Whisper model or path of its weights.
        **options: The backend's own.

    Raises:
        ValueError: An unknown name, model or option.
        ImportError: The backend is an extra that is not installed.

    Examples:
        >>> build_backend("openai-whisper", "tiny", language="English").describe()["language"]
        'en'
    """
    if name not in BACKENDS:
        raise ValueError(
            f"backend={name!r} is unknown. Choose from: {', '.join(BACKENDS)}.{did_you_mean(name, BACKENDS)}"
        )
    module, _, attribute = BACKENDS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)(model, **options)
