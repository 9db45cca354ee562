"""The matrix of files: every kind that recorders, phones and browsers write, whole, joined, cut and badly closed."""

import functools
import io
import struct
import tempfile
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from blv_trainer.asr import AudioError, duration_of, load_audio
from blv_trainer.asr.audio import SAMPLE_RATE

DURATION = 4.0  # seconds
RATE = 44_100


class Pipe:
    """What cannot go back to correct a header."""

    def __init__(self):
        self.content = bytearray()

    def write(self, block):
        self.content += block
        return len(block)


@pytest.fixture(scope="module")
def speech(make_noise):
    """Stereo with the rhythm of syllables, quiet at first as a recording is, so that variable bit rates vary."""
    left = np.interp(np.arange(0, DURATION, 1 / RATE), np.arange(0, DURATION, 1 / 16_000), make_noise(DURATION, 0))
    left[: RATE // 2] *= 0.001
    return np.stack([left, 0.5 * left], axis=1).astype("float32")  # (frames, channels)


def encode(samples, container, codec, *, rate=RATE, channels=2, pipe=False, codec_options=None, **container_options):
    """What PyAV writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/a"  # an index can be moved to the front of a file only
        target = Pipe() if pipe else path
        with av.open(target, "w", format=container, options=container_options) as output:
            layout = "mono" if channels == 1 else "stereo"
            stream = output.add_stream(codec, rate=rate, layout=layout, options=codec_options or {})
            stream.bit_rate = 64_000
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="fltp", layout="stereo")
            frame.sample_rate = RATE
            resampler = av.AudioResampler(stream.format, layout, rate)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(part))
            output.mux(stream.encode(None))
        return bytes(target.content) if pipe else Path(path).read_bytes()


def libsndfile(samples, format, subtype=None):
    target = io.BytesIO()
    soundfile.write(target, samples, RATE, format=format, subtype=subtype)
    return target.getvalue()


def in_ogg(flac):
    """The same packets in another container."""
    target = io.BytesIO()
    with av.open(io.BytesIO(flac)) as source, av.open(target, "w", format="ogg") as output:
        stream = output.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return target.getvalue()


VARIABLE = {"codec_options": {"flags": "+qscale", "global_quality": "500"}}
NARROW = {"rate": 8_000, "channels": 1}
LOSSLESS = {
    "wav": lambda s: libsndfile(s, "WAV"),
    "wav, 24 bits": lambda s: libsndfile(s, "WAV", "PCM_24"),
    "wav, float": lambda s: libsndfile(s, "WAV", "FLOAT"),
    "wav, double": lambda s: libsndfile(s, "WAV", "DOUBLE"),
    "wav beyond 4 GB (rf64)": lambda s: libsndfile(s, "RF64"),
    "wav into a pipe": lambda s: encode(s, "wav", "pcm_s16le", pipe=True),
    "wav of a crashed recorder": lambda s: without_length(libsndfile(s, "WAV")),
    "flac": lambda s: libsndfile(s, "FLAC"),
    "flac into a pipe": lambda s: encode(s, "flac", "flac", pipe=True),
    "flac in ogg": lambda s: in_ogg(libsndfile(s, "FLAC")),
    "aiff": lambda s: libsndfile(s, "AIFF"),
    "au": lambda s: libsndfile(s, "AU"),
    "w64": lambda s: libsndfile(s, "W64"),
    "caf": lambda s: libsndfile(s, "CAF"),
    "alac in m4a": lambda s: encode(s, "ipod", "alac"),
}
LOSSY = {
    "wav, a-law": lambda s: libsndfile(s, "WAV", "ALAW"),
    "wav, adpcm": lambda s: libsndfile(s, "WAV", "MS_ADPCM"),
    "wav, mp3": lambda s: encode(s, "wav", "libmp3lame"),
    "ogg": lambda s: libsndfile(s, "OGG", "VORBIS"),
    "opus": lambda s: encode(s, "ogg", "libopus", rate=48_000),
    "mp3": lambda s: encode(s, "mp3", "libmp3lame"),
    "mp3, variable": lambda s: encode(s, "mp3", "libmp3lame", **VARIABLE),
    "mp3, variable, no header": lambda s: encode(s, "mp3", "libmp3lame", **VARIABLE, write_xing="0"),
    "mp3, variable, into a pipe": lambda s: encode(s, "mp3", "libmp3lame", **VARIABLE, pipe=True),
    "mp3 with an APE tag": lambda s: encode(s, "mp3", "libmp3lame") + ape_tag(),
    "m4a": lambda s: encode(s, "ipod", "aac"),
    "m4a, index first": lambda s: encode(s, "ipod", "aac", movflags="+faststart"),
    "mp4 in fragments": lambda s: encode(s, "mp4", "aac", pipe=True, movflags="frag_keyframe+empty_moov"),
    "aac": lambda s: encode(s, "adts", "aac"),
    "webm": lambda s: encode(s, "webm", "libopus", rate=48_000),
    "webm into a pipe": lambda s: encode(s, "webm", "libopus", rate=48_000, pipe=True),
    "mka": lambda s: encode(s, "matroska", "aac"),
    "wma": lambda s: encode(s, "asf", "wmav2"),
    "amr": lambda s: encode(s, "amr", "libopencore_amrnb", **NARROW),
    "3gp": lambda s: encode(s, "3gp", "libopencore_amrnb", **NARROW),
}
JOINED = ("flac", "mp3", "mp3, variable", "mp3, variable, no header", "ogg", "opus", "aac", "webm")
NOT_JOINED = ("wav", "aiff", "m4a", "wma")  # readers take the first for all
CUT = (
    *("wav", "wav, a-law", "flac", "flac into a pipe", "flac in ogg", "aiff", "au", "w64", "caf", "mp3"),
    *("mp3, variable", "ogg", "opus", "m4a, index first", "mp4 in fragments", "aac", "webm", "wma"),
)
MATRIX = {**LOSSLESS, **LOSSY}


def without_length(wav):
    data = wav.index(b"data")
    return wav[:4] + bytes(4) + wav[8 : data + 4] + bytes(4) + wav[data + 8 :]


def ape_tag():
    item = struct.pack("<II", 10, 0) + b"Title\0" + b"abcdefghij"
    return item + b"APETAGEX" + struct.pack("<IIII", 2_000, len(item) + 32, 1, 0) + bytes(8)


def decibels(error, reference):
    return 20 * np.log10((np.sqrt(np.mean(error**2)) + 1e-12) / np.sqrt(np.mean(reference**2)))


def loudness(samples):
    """Of each tenth of a second."""
    tenth = SAMPLE_RATE // 10
    return np.abs(samples[: len(samples) // tenth * tenth].reshape(-1, tenth)).mean(axis=1)


@pytest.fixture(scope="module")
def made(speech):
    """The bytes of a file of the matrix, made once."""
    return functools.cache(lambda kind: MATRIX[kind](speech))


@pytest.fixture(scope="module")
def heard(speech):
    """What a reader should hear: the mean of the channels at 16 kHz."""
    return load_audio(speech, sample_rate=RATE).samples


@pytest.mark.parametrize("kind", MATRIX)
def test_every_kind_of_file_is_read_whole_and_nothing_is_noted(made, heard, kind, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(made(kind))
    audio = load_audio(path)
    assert audio.notes == ()
    assert audio.duration == pytest.approx(DURATION, abs=0.05)
    if kind in LOSSLESS:
        assert decibels(audio.samples - heard, heard) < -60
    else:
        length = min(len(audio.samples), len(heard))
        assert np.corrcoef(loudness(audio.samples[:length]), loudness(heard[:length]))[0, 1] > 0.75
    assert duration_of(path) == pytest.approx(DURATION, rel=0.6) or "pipe" in kind  # some guess, some do not know


@pytest.mark.parametrize("kind", MATRIX)
def test_the_samples_are_libsndfiles_where_it_reads_the_whole_file(made, kind):
    content = made(kind)
    try:
        samples, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, ValueError):
        pytest.skip("libsndfile cannot read it")
    if abs(len(samples) / rate - DURATION) > 0.05:
        pytest.skip("libsndfile stops early")
    ours, theirs = load_audio(content).samples, load_audio(samples, sample_rate=rate).samples
    length = min(len(ours), len(theirs))
    assert abs(len(ours) - len(theirs)) / SAMPLE_RATE < 0.05
    other_decoder = {"opus": -40, "wav, adpcm": -30}  # dB, of coders that allow for differences
    assert decibels(ours[:length] - theirs[:length], theirs) < other_decoder.get(kind, -80)


@pytest.mark.parametrize("kind", JOINED)
def test_files_joined_are_read_to_the_end(made, kind):
    audio = load_audio(2 * made(kind))
    assert audio.notes == ()
    assert audio.duration == pytest.approx(2 * DURATION, abs=0.1)


def test_many_files_joined_are_not_taken_for_damaged(made):
    audio = load_audio(12 * made("mp3"))
    # Each brings its coder's padding, 50 ms of silence.
    assert (audio.notes, audio.duration) == ((), pytest.approx(12 * DURATION, abs=0.7))


def test_files_joined_may_change_their_sample_rate(speech, made):
    audio = load_audio(made("mp3") + encode(speech, "mp3", "libmp3lame", rate=22_050, channels=1))
    assert (audio.notes, audio.duration) == ((), pytest.approx(2 * DURATION, abs=0.1))


@pytest.mark.parametrize("kind", NOT_JOINED)
def test_a_file_behind_the_first_that_is_not_read_is_noted(made, kind):
    audio = load_audio(2 * made(kind))
    assert audio.duration == pytest.approx(DURATION, abs=0.05)
    assert audio.notes[0].startswith("truncated: ")


@pytest.mark.parametrize("kind", CUT)
def test_what_can_be_read_of_a_cut_file_is_used_and_noted(made, kind):
    content = made(kind)
    audio = load_audio(content[: int(0.6 * len(content))])
    assert 0.3 * DURATION < audio.duration < 0.9 * DURATION
    assert audio.notes[0].startswith("truncated")


def test_sound_that_is_damaged_in_the_middle_is_left_out_and_noted(made):
    content = bytearray(made("m4a, index first"))
    middle = len(content) // 2
    content[middle : middle + len(content) // 4] = bytes(len(content) // 4)
    audio = load_audio(content)
    assert any(note.startswith("damaged: ") for note in audio.notes)


def test_the_sound_of_a_film_is_read(speech):
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        pictures = output.add_stream("mpeg4", rate=2)
        pictures.width = pictures.height = 32
        sound = output.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(speech.T), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        for _ in range(int(DURATION) * 2):
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), "uint8"))))
        for stream, last in ((sound, frame), (pictures, None), (sound, None)):
            output.mux(stream.encode(last))
    audio = load_audio(target.getvalue())
    assert (audio.notes, audio.duration) == ((), pytest.approx(DURATION, abs=0.05))


def test_a_playlist_opens_no_other_file(tmp_path, made):
    (tmp_path / "secret.wav").write_bytes(made("wav"))
    path = tmp_path / "a.mp3"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{tmp_path}/secret.wav\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError, match="is not a sound"):
        load_audio(path)


def test_pictures_without_sound_are_named(tmp_path):
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=1)
        stream.width = stream.height = 32
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), "uint8"))))
        output.mux(stream.encode(None))
    with pytest.raises(AudioError, match="has no sound in it"):
        load_audio(target.getvalue())


def test_a_long_recording_takes_little_more_memory_than_its_samples_at_16_khz(tmp_path):
    path, seconds = tmp_path / "a.flac", 300
    with soundfile.SoundFile(path, "w", 48_000, 2) as file:
        for _ in range(seconds):
            file.write(np.zeros((48_000, 2), "float32"))
    tracemalloc.start()
    samples = load_audio(path).samples
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(samples) == seconds * SAMPLE_RATE
    assert peak < 1.25 * samples.nbytes
