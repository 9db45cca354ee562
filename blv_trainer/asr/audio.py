"""A sound file, its bytes or an array -> float32 mono at 16 kHz."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soxr

from blv_trainer.asr.sound_files import MAX_CHANNELS, SAMPLE_RATES, AudioError, SoundFile, mono

SAMPLE_RATE = 16_000  # Hz, what Whisper was trained on
_SILENT_PEAK = 1e-4  # -80 dB of full scale
_FULL_SCALE = 0.999
_LARGEST = 1e10  # beyond every integer taken for a float; resampled and squared it is still a float32
_CLIPPED_SHARE = 1e-3


@dataclass(frozen=True)
class Audio:
    """One sound, ready for Whisper.

    Args:
        samples: float32, mono, 16 kHz, full scale 1.0, ``(num_samples,)``.
        notes: Of "silent", "clipped", "truncated: 3.0 of 5.0 s read" and "damaged: 0.4 s cannot be decoded".
    """

    samples: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


def load_audio(source: str | PathLike | bytes | bytearray | np.ndarray, *, sample_rate: int | None = None) -> Audio:
    """Reads a sound as Whisper wants it; channels are averaged unless they cancel out; a broken file as far as it goes.

    Args:
        source: Path of a file or its bytes, whose content decides, not the name; or samples ``(frames,)`` or
            ``(frames, channels)``, floating point with full scale 1.0 or signed integers.
        sample_rate: Of an array, in Hz; a file knows its own.

    Raises:
        FileNotFoundError: There is no such file.
        AudioError: It is empty, not a sound, or holds no usable numbers.
        ValueError: An array without a sample rate, or a file with one.
        TypeError: The source is none of the above.

    Examples:
        >>> audio = load_audio(np.zeros((48_000, 2), dtype="int16"), sample_rate=48_000)
        >>> audio.samples.shape, audio.samples.dtype.name, audio.duration, audio.notes
        ((16000,), 'float32', 1.0, ('silent',))
    """
    heard = _Heard()
    if isinstance(source, np.ndarray):
        if sample_rate is None or not SAMPLE_RATES[0] <= sample_rate <= SAMPLE_RATES[1]:
            raise ValueError(
                f"sample_rate={sample_rate} cannot be used: an array needs its own sample rate, in Hz, from "
                f"{SAMPLE_RATES[0]:,} to {SAMPLE_RATES[1]:,}."
            )
        name, notes = "the array", list[str]()
        heard.add(mono(_two_dimensional(source)), sample_rate)
    elif isinstance(source, (bytes, bytearray, str, PathLike)):
        if sample_rate is not None:
            raise ValueError(f"sample_rate={sample_rate} cannot be used: a file knows its own. Leave it out.")
        name = f"the {len(source):,} bytes" if isinstance(source, (bytes, bytearray)) else str(source)
        with _opened(source) as content, contextlib.closing(SoundFile(content, name)) as file:
            for block, rate in file.blocks():
                heard.add(block, rate)
            notes = file.notes()
    else:
        raise TypeError(f"load_audio reads a path, bytes or a numpy array, not {type(source).__name__}.")
    if not heard.frames:
        raise AudioError(f"{name} is a sound of length 0.")
    if not heard.usable:
        raise AudioError(
            f"{name} holds samples that no recorder writes: nan, or beyond {_LARGEST:.0e} where full scale is 1. "
            "Export it anew."
        )
    return Audio(heard.samples(), tuple(notes + heard.notes()))


class _Heard:
    """What was heard of a sound: resampled as it comes, so that hours of it are in memory once and at 16 kHz."""

    def __init__(self) -> None:
        self.frames = 0
        self.usable = True
        self._peak, self._clipped = 0.0, 0
        self._samples = bytearray()  # grows in place
        self._rate, self._resampler = SAMPLE_RATE, None

    def add(self, block: np.ndarray, rate: int) -> None:
        """Adds a mono block, of a rate that may be another than that of the last."""
        if rate != self._rate:
            self._finish()
            # 8 to 48 kHz: errors at most -74 dB, aliases at most -137 dB; scipy's resample_poly: -46 and -52 dB, and
            # slower. Blocks of any length give what the whole gives.
            resampled = rate != SAMPLE_RATE
            self._resampler = soxr.ResampleStream(rate, SAMPLE_RATE, 1, quality="HQ") if resampled else None
            self._rate = rate
        self.frames += len(block)
        peak = max(block.max(), -block.min()) if len(block) else 0.0
        self.usable = self.usable and bool(peak <= _LARGEST)  # False for nan
        self._peak = max(self._peak, peak)
        if peak >= _FULL_SCALE:
            self._clipped += int((np.abs(block) >= _FULL_SCALE).sum())
        self._keep(block if self._resampler is None else self._resampler.resample_chunk(block))

    def samples(self) -> np.ndarray:
        """All of it, float32 at 16 kHz."""
        self._finish()
        return np.frombuffer(self._samples, np.float32)

    def notes(self) -> list[str]:
        """Of "silent" and "clipped"."""
        if self._peak < _SILENT_PEAK:
            return ["silent"]
        return ["clipped"] if self._clipped > _CLIPPED_SHARE * self.frames else []

    def _finish(self) -> None:
        if self._resampler is not None:
            self._keep(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
            self._resampler = None

    def _keep(self, block: np.ndarray) -> None:
        self._samples += np.ascontiguousarray(block).data.cast("B")


def _opened(source: str | PathLike | bytes | bytearray) -> contextlib.AbstractContextManager[BinaryIO]:
    if isinstance(source, (bytes, bytearray)):
        return io.BytesIO(source)
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist (looked in {path.absolute().parent}).")
    if path.is_dir():
        raise AudioError(f"{path} is a folder, not a sound.")
    if path.stat().st_size == 0:
        raise AudioError(f"{path} is empty (0 bytes). Fetch it again.")
    return open(path, "rb")


def _two_dimensional(array: np.ndarray) -> np.ndarray:
    samples = array[:, None] if array.ndim == 1 else array  # (frames, channels)
    if samples.ndim != 2 or not 1 <= samples.shape[1] <= MAX_CHANNELS:
        raise AudioError(f"an array of shape {array.shape} is no sound: give (frames,) or (frames, channels).")
    if samples.dtype.kind not in "if":
        raise AudioError(f"an array of {samples.dtype} is no sound: give floating point or signed integers.")
    return samples
