"""Sound files with damaged headers: refused with a sentence, in little time and memory, whatever length they claim."""

import io
import os
import resource
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
from hypothesis import strategies as st

from blv_trainer.asr.audio import SAMPLE_RATE, AudioError, load_audio
from blv_trainer.asr.recordings import find_recordings

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
            assert audio.samples.dtype == np.float32
            assert audio.duration < LONGEST
            assert np.isfinite(audio.samples).all()
        with refusals("bytes"):
            load_audio(content)
        assert find_recordings(tmp_path)[0].duration_s >= 0
        assert time.monotonic() - start < PATIENCE

    # Two thirds of the damage goes to the header: what follows is rarely looked at.
    headers = mutations(head).map(lambda damaged: damaged + VALID[name][200:])
    fuzz(check, st.one_of(headers, headers, mutations(VALID[name])))


def test_random_bytes_are_no_sound(fuzz, refusals, tmp_path):
    path = tmp_path / "a.wav"
    marks = st.sampled_from(
        [b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS", b"ID3\x04", b"\xff\xfb\x90\x64", b"FORM", b""]
    )

    def check(mark, content):
        path.write_bytes(mark + content)
        with refusals(path):
            load_audio(path)

    fuzz(check, marks, st.binary(max_size=400))


@pytest.mark.parametrize(
    "fields",
    [{"rate": 1}, {"rate": 7}, {"rate": 2**31 - 1}, {"channels": 1024, "frame": 2048}, {"channels": 33, "frame": 66}],
    ids=str,
)
def test_a_rate_or_a_number_of_channels_that_no_recorder_has_is_refused(fields):
    with pytest.raises(AudioError, match="its header is damaged"):
        load_audio(wav(**fields))


@pytest.mark.parametrize("length", [2**31 - 1, 2**32 - 1])
def test_a_length_beyond_the_file_is_no_more_than_a_note(length):
    audio = load_audio(wav(length=length))
    assert audio.duration == 0.3
    assert audio.notes == ("truncated",)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is measured as Linux reports it")
def test_claimed_lengths_take_no_memory(tmp_path):
    """In a process of its own: the headers of every format claim hours; the peak of memory hardly moves."""
    huge = bytearray(VALID["flac"])
    huge[21:26] = b"\xff" * 5  # 2**36 samples
    claims = {"a.wav": wav(length=2**32 - 1), "b.flac": bytes(huge), "c.wav": wav(rate=1)}
    for name, content in claims.items():
        (tmp_path / name).write_bytes(content)
    code = (
        "import resource, sys\n"
        "from blv_trainer.asr.audio import load_audio, AudioError\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for path in sys.argv[1:]:\n"
        "    try: load_audio(path)\n"
        "    except AudioError: pass\n"
        "print(peak() - before)\n"
    )
    limit = 3 * 2**30  # bytes of addresses; far more than is touched
    words = [sys.executable, "-c", code, *(str(tmp_path / name) for name in claims)]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert int(done.stdout) < 64 * 1024  # KiB


@pytest.mark.parametrize("rate", [0, -1, 1e-9, 999, 1e12, float("inf"), float("nan")])
def test_an_array_needs_a_rate_that_exists(rate):
    with pytest.raises(ValueError, match="cannot be used: an array needs its own sample rate"):
        load_audio(np.zeros(100), sample_rate=rate)


@pytest.mark.parametrize(
    "samples",
    [np.zeros((5, 0)), np.zeros(()), np.zeros((2, 2, 2)), np.zeros((4, 33)), np.zeros(5, complex), np.zeros(5, object)],
    ids=lambda samples: f"{samples.shape} {samples.dtype}",
)
def test_an_array_that_is_no_sound_is_refused(samples):
    with pytest.raises(AudioError, match="no sound|length 0"):
        load_audio(samples, sample_rate=SAMPLE_RATE)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_utf_8_is_refused_by_name(tmp_path):
    path = os.path.join(os.fsencode(tmp_path), b"\xff.wav")
    with open(path, "wb") as file:
        file.write(VALID["wav"])
    for read in (load_audio, lambda path: find_recordings(os.path.dirname(path))):
        with pytest.raises(ValueError, match=r"udcff.wav' is not UTF-8.*rename the file"):
            read(os.fsdecode(path))
