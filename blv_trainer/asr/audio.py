"""A sound file, its bytes or an array -> float32 mono at 16 kHz, without ffmpeg."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import soundfile
import soxr

SAMPLE_RATE = 16_000  # Hz, what Whisper was trained on
_BLOCK_FRAMES = 1 << 20  # per read, so that a long file is never in memory with all its channels
_MAX_CHANNELS = 32
_SAMPLE_RATES = (1_000, 1_000_000)  # Hz; beyond them a header is damaged, and a second could become hours
_SILENT_PEAK = 1e-4  # -80 dB of full scale
_FULL_SCALE = 0.999
_CLIPPED_SHARE = 1e-3
_TRUNCATED_SHARE = 0.99  # an mp3's own idea of its length may be off by an encoder delay
AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf")


class AudioError(ValueError):
    """A sound that cannot be used; the message says which, why, and what would be."""


@dataclass(frozen=True)
class Audio:
    """One sound, ready for Whisper.

    Args:
        samples: float32, mono, 16 kHz, full scale 1.0, ``(num_samples,)``.
        notes: Of "silent", "clipped" and "truncated: 3.0 of 5.0 s read".
    """

    samples: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE


def load_audio(source: str | PathLike | bytes | bytearray | np.ndarray, *, sample_rate: int | None = None) -> Audio:
    """Reads a sound as Whisper wants it; channels are averaged, and what can be read of a broken file is used.

    Args:
        source: Path of a file or its bytes (wav, flac, ogg, opus, mp3, aiff, au: the content decides, not the name),
            or samples ``(frames,)`` or ``(frames, channels)``, floating point with full scale 1.0 or signed integers.
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
    if isinstance(source, np.ndarray):
        if sample_rate is None or not _SAMPLE_RATES[0] <= sample_rate <= _SAMPLE_RATES[1]:
            raise ValueError(
                f"sample_rate={sample_rate} cannot be used: an array needs its own sample rate, in Hz, from "
                f"{_SAMPLE_RATES[0]:,} to {_SAMPLE_RATES[1]:,}."
            )
        name, mono, notes = "the array", _mono(_as_float(source)), list[str]()
    elif isinstance(source, (bytes, bytearray, str, PathLike)):
        if sample_rate is not None:
            raise ValueError(f"sample_rate={sample_rate} cannot be used: a file knows its own. Leave it out.")
        content = io.BytesIO(source) if isinstance(source, (bytes, bytearray)) else Path(source)
        name = f"the {content.getbuffer().nbytes:,} bytes" if isinstance(content, io.BytesIO) else str(source)
        with _opened(content, name) as file:
            mono, notes = _read(file, name)
            sample_rate = file.samplerate
    else:
        raise TypeError(f"load_audio reads a path, bytes or a numpy array, not {type(source).__name__}.")
    if mono.size == 0:
        raise AudioError(f"{name} is a sound of length 0.")
    if not np.isfinite(np.dot(mono, mono)):  # one pass; nan and inf survive the sum
        raise AudioError(f"{name} holds samples that are not finite numbers. Export it anew.")
    # 8 to 48 kHz: errors at most -74 dB, aliases at most -137 dB; scipy's resample_poly: -46 and -52 dB, and slower.
    heard = mono if sample_rate == SAMPLE_RATE else soxr.resample(mono, sample_rate, SAMPLE_RATE, quality="HQ")
    return Audio(heard, tuple(notes + _level_notes(mono)))


def _opened(source: Path | io.BytesIO, name: str) -> soundfile.SoundFile:
    if isinstance(source, Path):
        if not source.exists():
            raise FileNotFoundError(f"{source} does not exist (looked in {source.absolute().parent}).")
        if source.is_dir():
            raise AudioError(f"{source} is a folder, not a sound.")
        if source.stat().st_size == 0:
            raise AudioError(f"{source} is empty (0 bytes). Fetch it again.")
    try:
        return soundfile.SoundFile(source)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: .raw, the one suffix that it believes
        raise AudioError(
            f"{name} is not a sound that libsndfile {soundfile.__libsndfile_version__} can open, whatever its name. "
            f"Accepted: {', '.join(AUDIO_SUFFIXES)}. Convert anything else to one of them; fetch a damaged file again."
        ) from error


def _read(file: soundfile.SoundFile, name: str) -> tuple[np.ndarray, list[str]]:
    if not _SAMPLE_RATES[0] <= file.samplerate <= _SAMPLE_RATES[1] or file.channels > _MAX_CHANNELS:
        raise AudioError(
            f"{name} claims {file.samplerate:,} samples a second in {file.channels} channels; its header is damaged. "
            "Fetch it again."
        )
    blocks: list[np.ndarray] = []
    broken = None
    try:
        blocks.extend(_mono_blocks(file))
    except soundfile.LibsndfileError as error:  # flac and ogg: what came before the break is whole
        broken = error
    mono = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if mono.size == 0 and (broken or file.frames == 0):
        raise AudioError(f"{name} holds no sound: nothing can be decoded of its {file.format} content.")
    expected = file.frames
    cut = broken or len(mono) < _TRUNCATED_SHARE * expected or _breaks_off(file)
    if not cut:
        return mono, []
    read_s, of_s = len(mono) / file.samplerate, expected / file.samplerate
    return mono, [f"truncated: {read_s:.1f} of {of_s:.1f} s read" if of_s > read_s else "truncated"]


def _mono_blocks(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    # One short read at a time: libsndfile gives nothing of a read in which a flac file breaks off.
    frames = _BLOCK_FRAMES if file.format != "FLAC" else 1 << 12
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        yield _mono(block)


def _breaks_off(file: soundfile.SoundFile) -> bool:
    # libsndfile silently shortens these two to what is there; only its log tells.
    log = file.extra_info
    data_line = next((line for line in log.splitlines() if line.startswith("data :")), "")
    return "(should be" in data_line or "without an End-Of-Stream" in log


def _as_float(array: np.ndarray) -> np.ndarray:
    samples = array[:, None] if array.ndim == 1 else array  # (frames, channels)
    if samples.ndim != 2 or not 1 <= samples.shape[1] <= _MAX_CHANNELS:
        raise AudioError(f"an array of shape {array.shape} is no sound: give (frames,) or (frames, channels).")
    if samples.dtype.kind not in "if":
        raise AudioError(f"an array of {samples.dtype} is no sound: give floating point or signed integers.")
    full_scale = -float(np.iinfo(samples.dtype).min) if samples.dtype.kind == "i" else 1.0
    return samples.astype(np.float32) / np.float32(full_scale)


def _mono(samples: np.ndarray) -> np.ndarray:
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)  # the mean of one takes long


def _level_notes(mono: np.ndarray) -> list[str]:
    peak = max(mono.max(), -mono.min())
    if peak < _SILENT_PEAK:
        return ["silent"]
    return ["clipped"] if peak >= _FULL_SCALE and (np.abs(mono) >= _FULL_SCALE).mean() > _CLIPPED_SHARE else []
