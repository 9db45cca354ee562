import io
import re

import numpy as np
import pytest
import soundfile

from blv_trainer.asr.audio import SAMPLE_RATE, AudioError, load_audio, resample

DURATION = 2.0  # seconds
FORMATS = {"wav": 44_100, "flac": 48_000, "ogg": 22_050, "mp3": 44_100, "aiff": 8_000}


def tones(sample_rate, frequencies=(200, 900, 2_500)):
    time = np.arange(int(sample_rate * DURATION)) / sample_rate
    return sum(np.sin(2 * np.pi * f * time + f) for f in frequencies).astype("float32") / 10


def decibels(error, reference):
    return 20 * np.log10(np.sqrt(np.mean(error**2)) / np.sqrt(np.mean(reference**2)))


def write(path, samples, sample_rate):
    soundfile.write(path, samples, sample_rate)
    return path


def cut(path, share=0.6):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_sound_at_16_khz(tmp_path, suffix):
    rate = FORMATS[suffix]
    path = write(tmp_path / f"a.{suffix}", tones(rate), rate)
    audio = load_audio(path)
    assert audio.samples.dtype == np.float32
    assert audio.samples.shape == (SAMPLE_RATE * DURATION,)
    assert audio.duration == DURATION
    assert audio.notes == ()
    middle = slice(1_600, -1_600)
    lossless = suffix not in ("mp3", "ogg")
    expected = tones(SAMPLE_RATE)[middle]
    assert decibels(audio.samples[middle] - expected, expected) < (-60 if lossless else -20)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
def test_resampling_error_is_below_minus_60_db(rate):
    expected = tones(SAMPLE_RATE)
    resampled = resample(tones(rate), rate)
    assert resampled.shape == expected.shape
    middle = slice(1_600, -1_600)
    assert decibels(resampled[middle] - expected[middle], expected[middle]) < -60


def test_tones_above_8_khz_do_not_come_back_as_aliases():
    high = tones(48_000, frequencies=(9_500, 15_000))
    assert decibels(resample(high, 48_000)[1_600:-1_600], high) < -60


def test_path_bytes_and_array_give_the_same_samples(tmp_path):
    samples = tones(22_050)
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 22_050, subtype="FLOAT")
    for source in (str(path), path.read_bytes()):
        np.testing.assert_array_equal(load_audio(source).samples, load_audio(samples, sample_rate=22_050).samples)


def test_integers_are_scaled_by_their_own_full_scale():
    quarter = load_audio(np.full(16_000, 2**13, "int16"), sample_rate=16_000).samples
    np.testing.assert_array_equal(quarter, np.full(16_000, 0.25, "float32"))


def test_channels_are_averaged_and_noted():
    left, right = np.full(1_000, 0.5, "float32"), np.full(1_000, 0.1, "float32")
    audio = load_audio(np.stack([left, right], axis=1), sample_rate=16_000)
    np.testing.assert_allclose(audio.samples, 0.3, rtol=1e-6)
    assert audio.notes == ("2 channels",)


def test_silence_is_noted():
    assert load_audio(np.zeros(16_000, "float32"), sample_rate=16_000).notes == ("silent",)


def test_clipping_is_noted():
    assert load_audio(np.clip(tones(16_000) * 20, -1, 1), sample_rate=16_000).notes == ("clipped",)


@pytest.mark.parametrize(("suffix", "note"), [("wav", "truncated"), ("flac", "truncated: "), ("mp3", "truncated: ")])
def test_what_can_be_read_of_a_truncated_file_is_used_and_noted(tmp_path, suffix, note):
    rate = FORMATS[suffix]
    audio = load_audio(cut(write(tmp_path / f"a.{suffix}", tones(rate), rate)))
    assert 0.3 * DURATION < audio.duration < 0.9 * DURATION
    assert audio.notes[0].startswith(note)


def test_a_truncated_ogg_file_of_which_nothing_is_left_is_an_error(tmp_path):
    path = cut(write(tmp_path / "a.ogg", tones(22_050), 22_050))
    with pytest.raises(AudioError, match=r"a\.ogg holds no sound: nothing can be decoded of its OGG content"):
        load_audio(path)


@pytest.mark.parametrize(("inside", "suffix"), [("mp3", "wav"), ("wav", "mp3"), ("flac", "ogg")])
def test_the_content_decides_whatever_the_suffix_says(tmp_path, inside, suffix):
    rate = FORMATS[inside]
    right = write(tmp_path / f"a.{inside}", tones(rate), rate)
    wrong = right.rename(tmp_path / f"b.{suffix}")
    audio = load_audio(wrong)
    assert audio.duration == DURATION
    assert audio.notes == (f"named .{suffix} but {inside.upper()} inside",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty (0 bytes). Fetch it again."),
        (b"<html>404 not found</html>" * 40, "is not a sound"),
        (bytes(2_000), "is not a sound"),
    ],
    ids=["empty", "page", "zeros"],
)
def test_a_file_that_is_no_sound_is_named(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(AudioError, match=f"a.wav {re.escape(message)}"):
        load_audio(path)


def test_a_sound_of_length_zero_is_named(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(0, "float32"), 16_000)
    with pytest.raises(AudioError, match="holds no sound"):
        load_audio(path)
    with pytest.raises(AudioError, match="the array is a sound of length 0"):
        load_audio(np.zeros(0, "float32"), sample_rate=16_000)


def test_a_folder_and_a_headerless_file_are_named(tmp_path):
    with pytest.raises(AudioError, match="is a folder, not a sound"):
        load_audio(tmp_path)
    (tmp_path / "a.raw").write_bytes(bytes(100))
    with pytest.raises(AudioError, match="has no header to read it by"):
        load_audio(tmp_path / "a.raw")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.wav does not exist \(looked in "):
        load_audio(tmp_path / "gone.wav")


def test_bytes_that_are_no_sound_are_named():
    with pytest.raises(AudioError, match="the 1,200 bytes is not a sound"):
        load_audio(b"nonsense" * 150)


def test_samples_that_are_not_finite_are_named():
    samples = np.zeros(100, "float32")
    samples[3] = np.nan
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV", subtype="FLOAT")
    with pytest.raises(AudioError, match="not finite numbers"):
        load_audio(buffer.getvalue())


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\) is no sound"),
        (np.zeros((2, 16_000)), r"shape \(2, 16000\) is no sound: give \(frames,\) or \(frames, channels\)"),
        (np.zeros(10, "uint8"), "an array of uint8 is no sound"),
        (np.zeros(10, "complex64"), "an array of complex64 is no sound"),
    ],
)
def test_arrays_that_are_no_sound_are_named(array, message):
    with pytest.raises(AudioError, match=message):
        load_audio(array, sample_rate=16_000)


def test_an_array_needs_a_sample_rate_and_a_file_has_one(tmp_path):
    with pytest.raises(ValueError, match="an array needs its own sample rate"):
        load_audio(np.zeros(10))
    path = write(tmp_path / "a.wav", tones(16_000), 16_000)
    with pytest.raises(ValueError, match="a file knows its own"):
        load_audio(path, sample_rate=16_000)


def test_other_types_are_named():
    with pytest.raises(TypeError, match="reads a path, bytes or a numpy array, not list"):
        load_audio([0.0, 0.1])
