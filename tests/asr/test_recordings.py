import numpy as np
import pytest
import soundfile

from blv_trainer.asr import AudioError
from blv_trainer.asr.recordings import find_recordings, load_ahead, read_recordings


@pytest.fixture
def write(tmp_path):
    def write(name, seconds=1.0, level=0.1):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.full(int(8_000 * seconds), level), 8_000)
        return path

    return write


def test_recordings_are_found_at_any_depth_longest_first(tmp_path, write):
    write("SM_CHN_PTJ1_001_B1_1.wav", 1)
    write("deep/er/SM_JPN_SMK2_002_A2_0.FLAC", 3)
    write("deep/b.mp3", 2)
    (tmp_path / "readme.txt").write_text("no sound")
    found = find_recordings(tmp_path)
    assert [recording.id for recording in found] == ["SM_JPN_SMK2_002_A2_0", "b", "SM_CHN_PTJ1_001_B1_1"]
    assert [round(recording.duration_s) for recording in found] == [3, 2, 1]


def test_hidden_and_macos_files_are_passed_over(tmp_path, write):
    write("x/a.wav")
    write("__MACOSX/a.wav", level=0.2)
    write("._a.wav", level=0.3)
    assert [recording.path for recording in find_recordings(tmp_path)] == [tmp_path / "x" / "a.wav"]


def test_sounds_that_cannot_be_read_are_found_too_so_that_they_fail_by_name(tmp_path):
    for name in ("a.m4a", "b.wav", "c.raw"):
        (tmp_path / name).write_bytes(b"nonsense")
    found = [(recording.id, recording.duration_s) for recording in find_recordings(tmp_path)]
    assert found == [("a", 0.0), ("b", 0.0), ("c", 0.0)]


def ids(recordings):
    return sorted(recording.id for recording in recordings)


def test_files_that_share_a_name_are_told_apart_by_their_folders_and_then_by_their_suffixes(tmp_path, write):
    write("speaker01/part_time.wav")
    write("speaker02/part_time.wav", level=0.2)
    write("speaker02/smoking.wav")
    write("c.wav")
    write("c.flac")
    write("x/d.wav")
    write("x/d.flac", level=0.2)
    assert ids(find_recordings(tmp_path)) == [
        *("c.flac", "c.wav", "smoking", "speaker01/part_time", "speaker02/part_time", "x/d.flac", "x/d.wav"),
    ]


def test_no_two_files_have_one_id_whatever_they_are_called(tmp_path, write):
    names = ("a.wav", "a.flac", "a.wav.flac", "a/a.wav", "a/a.wav.flac")
    for level, name in enumerate(names, start=1):
        write(name, level=level / 10)
    assert len({*ids(find_recordings(tmp_path))}) == len(names)


def test_names_of_icnale_are_ids_wherever_the_files_lie(tmp_path, write):
    for region in ("CHN", "JPN"):
        write(f"Audio/{region}/SM_{region}_PTJ1_001_B1_1.wav", level=len(region) / 10)
    assert ids(find_recordings(tmp_path)) == ["SM_CHN_PTJ1_001_B1_1", "SM_JPN_PTJ1_001_B1_1"]


def test_equal_files_of_one_name_are_counted_once_and_that_is_said(tmp_path, write, caplog):
    for folder in "xyz":
        write(f"{folder}/a.wav")
    assert ids(find_recordings(tmp_path)) == ["a"]
    assert "2 files equal another of the same name and count once with it" in caplog.text


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        find_recordings(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"has no sound file in it or below. Looked for \.wav"):
        find_recordings(tmp_path)


@pytest.fixture
def recordings(write):
    return read_recordings(write(f"{i}.wav", level=i / 10) for i in range(8))


def test_sounds_come_in_order_and_are_drawn_only_when_there_is_room(recordings):
    drawn = []

    def drawing():
        for recording in recordings:
            drawn.append(recording)
            yield recording

    taken = []
    for recording, loading in load_ahead(drawing()):
        taken.append((recording, round(float(loading.result().samples[8_000]), 2)))
        assert len(drawn) - len(taken) <= 1
    assert taken == [(recording, i / 10) for i, recording in enumerate(recordings)]


def test_an_unreadable_file_stops_nothing(recordings):
    recordings[2].path.write_bytes(b"")
    recordings[4].path.unlink()
    errors = [type(loading.exception()) for _, loading in load_ahead(recordings)]
    assert errors == [type(None), type(None), AudioError, type(None), FileNotFoundError, *[type(None)] * 3]
