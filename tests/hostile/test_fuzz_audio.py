"""Sound files with damaged headers: refused with a sentence, in little time and memory, whatever length they claim."""

import contextlib
import io
import struct
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st

from blv_trainer.asr import AudioError, load_audio
from blv_trainer.asr.audio import SAMPLE_RATE

FORMATS = ("wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "caf")
LONGEST = 60.0  # seconds of sound that a few thousand bytes can hold, at the lowest rate accepted
PATIENCE = 10.0  # seconds


def sound(name, seconds=0.3):
    samples = np.random.default_rng(0).normal(scale=0.1, size=int(SAMPLE_RATE * seconds)).astype("float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format=name.upper())
    return buffer.getvalue()


VALID = {name: sound(name) for name in FORMATS}


def wav(**fields):
    """A sound whose header lies."""
    places = {"channels": ("<H", 22), "rate": ("<I", 24), "frame": ("<H", 32), "length": ("<I", 40)}
    content = bytearray(VALID["wav"])
    for name, value in fields.items():
        struct.pack_into(places[name][0], content, places[name][1], value)
    return bytes(content)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # soundfile prints of a seek before 0
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_sounds_are_read_or_refused_with_a_sentence(fuzz, refusals, mutations, tmp_path, name):
    path = tmp_path / f"a.{name}"
    head = VALID[name][:200]

    def check(content):
        path.write_bytes(content)
        start = time.monotonic()
        with refusals(path):
            audio = load_audio(path)
            assert audio.duration < LONGEST
            assert np.isfinite(audio.samples).all()
        assert time.monotonic() - start < PATIENCE

    # Two thirds of the damage goes to the header: what follows is rarely looked at.
    headers = mutations(head).map(lambda damaged: damaged + VALID[name][200:])
    fuzz(check, st.one_of(headers, headers, mutations(VALID[name])))


@pytest.mark.parametrize(
    "fields",
    [{"rate": 1}, {"rate": 2**31 - 1}, {"channels": 1024, "frame": 2048}, {"channels": 33, "frame": 66}],
    ids=str,
)
def test_a_rate_or_a_number_of_channels_that_no_recorder_has_is_refused(fields):
    with pytest.raises(AudioError, match="its header is damaged|no sound"):
        load_audio(wav(**fields))


def test_a_length_beyond_the_file_is_no_more_than_a_note():
    audio = load_audio(wav(length=19_200))
    assert (audio.duration, audio.notes) == (0.3, ("truncated: 0.3 of 0.6 s read",))


def test_claimed_lengths_take_no_memory():
    huge = bytearray(VALID["flac"])
    huge[21:26] = b"\xff" * 5  # 2**36 samples
    tracemalloc.start()
    for content in (wav(length=2**32 - 1), bytes(huge), wav(rate=1)):
        with contextlib.suppress(AudioError):
            load_audio(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24  # bytes
