"""Many files in flight: each runs openai-whisper's own loop and waits whenever it needs the model.

``whisper.transcribe`` decides everything about a file: where the next 30-second window starts, what its prompt is,
whether to decode it again at a higher temperature, whether it is silence, where words begin. It stays as it is. Each
file runs it in a greenlet, because it cannot yield, against a stand-in for the model that parks the window to be
decoded; whoever has the real model decodes the parked windows of all files together. All share one thread: the schedule
is the same in every run, and torch has one team of threads. (With a thread, and so a team, for each file, a decoder's
step took 1.6 times as long.)
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
import whisper
from greenlet import GreenletExit, getcurrent, greenlet
from whisper.audio import FRAMES_PER_SECOND, HOP_LENGTH
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.model import Whisper

_transcribe = sys.modules["whisper.transcribe"].transcribe  # whisper.transcribe is the function, hiding the module


@dataclasses.dataclass(eq=False)
class Window:
    """Thirty seconds of one file that wait for the model."""

    mel: torch.Tensor  # log-mel spectrogram, (n_mels, 3000)
    options: DecodingOptions | None  # None asks for the language only
    seed: int  # of the draws at temperatures above 0, as `draw_seed` gives it
    features: torch.Tensor | None = None  # (n_audio_ctx, n_audio_state), once the encoder has seen it
    answer: DecodingResult | tuple[torch.Tensor, dict[str, float]] | None = None  # whisper.decode's, detect_language's
    error: Exception | None = None  # what decoding it raised instead

    @property
    def key(self) -> str:
        """Equal for windows that may be decoded as one batch."""
        return repr(self.options)


class WindowDecoder(Protocol):
    """Whoever has the model."""

    @property
    def capacity(self) -> int:
        """Windows it can use at a time."""

    def submit(self, window: Window) -> None:
        """Takes a window to be decoded."""

    def step(self) -> list[Window]:
        """Works for a while; gives the windows that now have an answer or an error."""


class _ModelStandIn:
    """Looks like the model to ``whisper.transcribe``; parks what it is asked to decode."""

    def __init__(self, model: Whisper, file: _FileInFlight):
        self._model = model
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def decode(self, mel: torch.Tensor, options: DecodingOptions) -> DecodingResult:
        return self._file.park(mel, options)

    def detect_language(self, mel: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
        return self._file.park(mel, None)

    def __call__(self, mel: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        # Word timestamps look at the window that was decoded last: no need to encode it again.
        last = self._file.window
        if last is not None and last.features is not None and torch.equal(last.mel, mel[0]):
            return self._model.decoder(tokens, last.features[None])
        return self._model(mel, tokens)


class _FileInFlight(greenlet):
    """``whisper.transcribe`` of one file as a coroutine; ``window`` is what it waits for, None when it is finished."""

    def __init__(self, name: str, samples: np.ndarray, model: Whisper, *, seed: int, options: dict[str, Any]):
        super().__init__()
        self.file_name = name
        self.window: Window | None = None
        self.result: dict[str, Any] | Exception = RuntimeError(f"{name} was not finished")
        self._samples = samples
        self._model = _ModelStandIn(model, self)
        self._seed = seed
        self._options = options
        self._sound = ""
        self._number = -1  # of the window

    def advance(self) -> Window | None:
        """Runs the file until it parks its next window, which is returned, or is finished."""
        self.parent = getcurrent()
        threads = torch.get_num_threads()
        self.switch()
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)  # numba, which aligns words, has set OpenMP's
        return self.window

    def cancel(self) -> None:
        """Ends the file where it stands."""
        self.parent = getcurrent()
        self.throw(GreenletExit)

    def park(self, mel: torch.Tensor, options: DecodingOptions | None) -> Any:
        """Waits until somebody has answered the window."""
        last = self.window
        features = None
        if last is not None and torch.equal(last.mel, mel):  # a higher temperature, or first its language
            features = last.features
        else:
            self._number += 1
        temperature = 0.0 if options is None else float(options.temperature)
        self.window = Window(mel, options, draw_seed(self._seed, self._sound, self._number, temperature), features)
        self.parent.switch()
        answer = self.window.answer
        if self.window.error is not None:
            raise self.window.error
        if isinstance(answer, DecodingResult) and math.isnan(answer.avg_logprob):
            raise ArithmeticError("the model gives nan in place of probabilities")
        return answer

    def run(self) -> None:
        try:
            self._sound = hashlib.blake2b(self._samples.tobytes(), digest_size=16).hexdigest()
            clips = self._options.pop("clip_timestamps", None) or "0"
            ends_at = len(self._samples) // HOP_LENGTH / FRAMES_PER_SECOND  # seconds; a later clip would take for ever
            clips = [min(float(clip), ends_at) for clip in (clips.split(",") if isinstance(clips, str) else clips)]
            self.result = _transcribe(self._model, self._samples, clip_timestamps=clips, **self._options)
        except Exception as error:  # the file's own failure; the others go on
            self.result = error
        finally:
            self.window = None


def transcribe_in_flight(
    files: Iterable[tuple[str, np.ndarray]], decoder: WindowDecoder, model: Whisper, *, seed: int = 0, **options: Any
) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
    """Transcribes files, as many at a time as the decoder has room for; to be drawn from by one thread."""
    in_flight: dict[Window, _FileInFlight] = {}
    files = iter(files)
    try:
        while True:
            while len(in_flight) < decoder.capacity and (drawn := next(files, None)) is not None:
                file = _FileInFlight(*drawn, model, seed=seed, options=dict(options))
                yield from _advance(file, decoder, in_flight)
            if not in_flight:
                return
            for window in decoder.step():
                yield from _advance(in_flight.pop(window), decoder, in_flight)
    finally:
        for file in in_flight.values():
            file.cancel()


def _advance(
    file: _FileInFlight, decoder: WindowDecoder, in_flight: dict[Window, _FileInFlight]
) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
    window = file.advance()
    if window is None:
        yield file.file_name, file.result
    else:
        in_flight[window] = file
        decoder.submit(window)


def draw_seed(seed: int, sound: str, window: int, temperature: float) -> int:
    """Seed of the draws of one window, by its number, at one temperature.

    ``sound`` is a digest of the samples, so that neither name nor place matters, nor what is decoded beside it.
    """
    return zlib.crc32(repr((seed, sound, window, temperature)).encode())


def encode(model: Whisper, window: Window) -> torch.Tensor:
    """The encoder's features of one window, ``(n_audio_ctx, n_audio_state)``, computed once."""
    if window.features is None:
        window.features = model.encoder(window.mel[None])[0]
    return window.features


def detect_language(model: Whisper, window: Window) -> tuple[torch.Tensor, dict[str, float]]:
    """The language of one encoded window: its token and the probability of each language."""
    tokens, probabilities = whisper.detect_language(model, encode(model, window)[None])
    return tokens[0], probabilities[0]
