import numpy as np
import pytest
import soundfile

from blv_trainer.asr.audio import AudioError
from blv_trainer.asr.prefetch import load_ahead


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / f"{i}.wav" for i in range(8)]
    for i, path in enumerate(paths):
        soundfile.write(path, np.full(1_000, i / 10), 16_000, subtype="FLOAT")
    return paths


def test_sounds_come_in_order(paths):
    loaded = list(load_ahead(paths, ahead=3))
    assert [path for path, _ in loaded] == paths
    assert [round(float(audio.samples[0]), 3) for _, audio in loaded] == [i / 10 for i in range(8)]


def test_a_path_is_drawn_only_when_there_is_room(paths):
    drawn = []

    def drawing():
        for path in paths:
            drawn.append(path)
            yield path

    taken = 0
    for _ in load_ahead(drawing(), ahead=3):
        taken += 1
        assert len(drawn) - taken <= 2
    assert taken == len(paths)


def test_an_unreadable_file_comes_as_its_exception_and_stops_nothing(paths):
    paths[2].write_bytes(b"")
    paths[4].unlink()
    loaded = dict(load_ahead(paths))
    assert isinstance(loaded[paths[2]], AudioError)
    assert isinstance(loaded[paths[4]], FileNotFoundError)
    assert loaded[paths[5]].duration == 1_000 / 16_000


def test_numbers_below_one_are_named(paths):
    with pytest.raises(ValueError, match="ahead=0, workers=2 cannot be used: give numbers from 1 up"):
        list(load_ahead(paths, ahead=0))
