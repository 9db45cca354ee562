import re

import numpy as np
import pytest
import soundfile

from blv_trainer.asr import AudioError, load_audio
from blv_trainer.asr.audio import SAMPLE_RATE

DURATION = 2.0  # seconds
FORMATS = {"wav": 44_100, "flac": 48_000, "mp3": 44_100, "aiff": 8_000}


def tones(sample_rate, frequencies=(200, 900, 2_500)):
    time = np.arange(int(sample_rate * DURATION)) / sample_rate
    return sum(np.sin(2 * np.pi * f * time + f) for f in frequencies).astype("float32") / 10


def decibels(error, reference):
    return 20 * np.log10(np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(reference**2)))


def write(path, samples, sample_rate):
    soundfile.write(path, samples, sample_rate)
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_sound_at_16_khz(tmp_path, suffix):
    rate = FORMATS[suffix]
    audio = load_audio(write(tmp_path / f"a.{suffix}", tones(rate), rate))
    assert audio.samples.dtype == np.float32
    assert audio.samples.shape == (SAMPLE_RATE * DURATION,)
    assert (audio.duration, audio.notes) == (DURATION, ())
    middle = slice(1_600, -1_600)
    expected = tones(SAMPLE_RATE)[middle]
    assert decibels(audio.samples[middle] - expected, expected) < (-20 if suffix == "mp3" else -60)


def test_tones_above_8_khz_do_not_come_back_as_aliases():
    high = tones(48_000, frequencies=(9_500, 15_000))
    assert decibels(load_audio(high, sample_rate=48_000).samples[1_600:-1_600], high) < -60


@pytest.mark.parametrize("name", ["a.wav", "a.mp3"])  # the content decides, whatever the suffix says
def test_path_bytes_and_array_give_the_same_samples(tmp_path, name):
    samples, path = tones(22_050), tmp_path / name
    soundfile.write(path, samples, 22_050, format="WAV", subtype="FLOAT")
    for source in (str(path), path.read_bytes()):
        np.testing.assert_array_equal(load_audio(source).samples, load_audio(samples, sample_rate=22_050).samples)


def test_channels_are_averaged_and_integers_scaled_by_their_own_full_scale():
    audio = load_audio(np.full((1_000, 2), (2**14, 2**13), "int16"), sample_rate=16_000)
    np.testing.assert_array_equal(audio.samples, np.full(1_000, 0.375, "float32"))
    sound = tones(16_000)
    wired_wrongly = load_audio(np.stack([sound, -0.99 * sound], axis=1), sample_rate=16_000)
    np.testing.assert_array_equal(wired_wrongly.samples, sound)
    assert wired_wrongly.notes == ()


def test_silence_and_clipping_are_noted():
    assert load_audio(np.zeros(16_000, "float32"), sample_rate=16_000).notes == ("silent",)
    assert load_audio(np.clip(tones(16_000) * 20, -1, 1), sample_rate=16_000).notes == ("clipped",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.wav", b"", "is empty (0 bytes). Fetch it again."),
        ("a.mp3", b"<html>404 not found</html>" * 40, "is not a sound"),
        ("a.raw", bytes(100), "is not a sound"),  # headerless
        ("folder", None, "is a folder, not a sound"),
    ],
)
def test_a_file_that_is_no_sound_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(AudioError, match=re.escape(f"{name} {message}")):
        load_audio(path)


def test_a_missing_file_an_empty_sound_and_bytes_that_are_no_sound_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.wav does not exist \(looked in "):
        load_audio(tmp_path / "gone.wav")
    with pytest.raises(AudioError, match="holds no sound"):
        load_audio(write(tmp_path / "a.wav", np.zeros(0, "float32"), 16_000))
    with pytest.raises(AudioError, match="the 1,200 bytes is not a sound"):
        load_audio(b"nonsense" * 150)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(0, "float32"), "the array is a sound of length 0"),
        (np.array([0.1, np.nan]), "the array holds samples that no recorder writes"),
        (np.array([0.1, -np.inf]), "the array holds samples that no recorder writes"),
        (np.array([1e34, 0.1], "float32"), "the array holds samples that no recorder writes"),
        (np.array([[1e34, -1e34], [np.nan, np.inf]], "float32"), "the array holds samples that no recorder writes"),
        (np.array([0.1, 1e300]), "the array holds samples that no recorder writes"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\) is no sound"),
        (np.zeros((2, 16_000)), r"shape \(2, 16000\) is no sound: give \(frames,\) or \(frames, channels\)"),
        (np.zeros(10, "uint8"), "an array of uint8 is no sound"),
    ],
)
def test_arrays_that_are_no_sound_are_named(array, message):
    with pytest.raises(AudioError, match=message):
        load_audio(array, sample_rate=16_000)


@pytest.mark.parametrize(
    ("source", "sample_rate", "error", "message"),
    [
        (np.zeros(10), None, ValueError, "cannot be used: an array needs its own sample rate"),
        (np.zeros(10), 999, ValueError, "sample_rate=999 cannot be used: an array needs its own sample rate"),
        ("a.wav", 16_000, ValueError, "a file knows its own"),
        ([0.0, 0.1], None, TypeError, "reads a path, bytes or a numpy array, not list"),
    ],
)
def test_a_source_or_a_rate_that_cannot_be_used_is_named(source, sample_rate, error, message):
    with pytest.raises(error, match=message):
        load_audio(source, sample_rate=sample_rate)
