"""A signal with the rhythm of speech: voiced syllables with formants, pauses between phrases, a little noise."""

import os

import numpy as np
import soundfile

SAMPLE_RATE = 16_000  # Hz
SYLLABLES_PER_SECOND = 4.0
FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))  # Hz, vowels
BANDWIDTHS = np.array([90.0, 120.0, 180.0])  # Hz


def speech_like(duration_s: float, *, pitch_hz: float = 140.0, seed: int = 0) -> np.ndarray:
    """Syllables of a voice without words.

    Args:
        duration_s: Length in seconds.
        pitch_hz: Mean pitch of the voice in Hz.
        seed: Another seed, other vowels and pauses.

    Returns:
        Samples in -1..1, float32, ``(duration_s * SAMPLE_RATE,)``.

    Examples:
        >>> speech_like(0.5).shape
        (8000,)
    """
    rng = np.random.default_rng(seed)
    num_samples = round(duration_s * SAMPLE_RATE)
    signal = 0.002 * rng.standard_normal(num_samples)
    start = 0
    while start < num_samples:
        length = int(SAMPLE_RATE / SYLLABLES_PER_SECOND * rng.uniform(0.6, 1.4))
        syllable = _syllable(length, pitch_hz * rng.uniform(0.85, 1.2), FORMANTS[rng.integers(len(FORMANTS))])
        signal[start : start + length] += syllable[: num_samples - start]
        is_phrase_end = rng.random() < 0.12
        start += length + int(SAMPLE_RATE * (rng.uniform(0.3, 0.9) if is_phrase_end else rng.uniform(0, 0.05)))
    return (0.7 * signal / max(np.abs(signal).max(initial=0.0), 1e-6)).astype(np.float32)


def write_speech_like(path: str | os.PathLike, duration_s: float, *, pitch_hz: float = 140.0, seed: int = 0) -> None:
    """Writes `speech_like` to a file; the extension (wav, mp3, flac, ogg) chooses the format."""
    soundfile.write(os.fspath(path), speech_like(duration_s, pitch_hz=pitch_hz, seed=seed), SAMPLE_RATE)


def _syllable(length: int, pitch_hz: float, formants: tuple[int, int, int]) -> np.ndarray:
    """Harmonics of a falling pitch, shaped by the vowel's formants and by one rise and fall."""
    time = np.arange(length) / SAMPLE_RATE  # seconds
    phase = 2 * np.pi * pitch_hz * (time - 0.1 * time**2)
    harmonics = np.arange(1, int(4000 / pitch_hz))
    distance = (harmonics[:, None] * pitch_hz - np.array(formants)) / (2 * BANDWIDTHS)  # (harmonics, formants)
    amplitudes = (np.exp(-(distance**2)) * [1.0, 0.5, 0.25]).sum(axis=1) + 0.02 / harmonics
    voiced = amplitudes @ np.sin(harmonics[:, None] * phase)  # (length,)
    return voiced * np.sin(np.pi * np.arange(length) / length)
