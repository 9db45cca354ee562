import itertools
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from blv_trainer.asr import load_audio
from blv_trainer.asr import transcribe as transcribe_into
from blv_trainer.asr.transcription import Progress


class EchoBackend:
    """Says how loud a sound is; counts what it is asked to hear."""

    def __init__(self, options=None, fails_on=()):
        self.heard = []
        self._options = options or {}
        self._fails_on = fails_on

    def describe(self):
        return {"backend": "echo", "model": "ear", **self._options}

    def transcribe(self, files):
        for name, samples in files:
            self.heard.append(name)
            text = f" loudness {np.abs(samples).max():.1f}"
            heard = {"text": text, "segments": [], "language": "en"}
            yield name, RuntimeError("deaf") if name in self._fails_on else heard


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for i, id in enumerate("abcd", start=1):
        write(folder / f"{id}.wav", i / 10, seconds=i)
    return folder


def write(path, level, seconds=1):
    soundfile.write(path, np.full(16_000 * seconds, level), 16_000)


def transcribe(data_dir, backend=None, **options):
    return transcribe_into(data_dir, data_dir.parent / "out", backend=backend or EchoBackend(), **options)


def test_every_recording_gets_a_row_the_longest_first_and_progress_is_told(data_dir):
    backend, seen = EchoBackend(), []
    done = transcribe(data_dir, backend, on_progress=seen.append)
    assert backend.heard == ["d", "c", "b", "a"]
    assert seen[0] == Progress(0, 4, 0.0, 10.0)
    assert seen[-1] == Progress(4, 4, 10.0, 10.0)
    assert [progress.files for progress in seen] == [0, 1, 2, 3, 4]
    assert {id: row["text"] for id, row in done.rows.items()} == {
        id: f"loudness 0.{i}" for i, id in enumerate("abcd", start=1)
    }
    row = pq.read_table(done.path).to_pylist()[1]
    assert (row["id"], row["duration_s"], row["words_per_second"], row["audio_path"]) == ("b", 2.0, 1.0, "b.wav")
    assert (done.failures, done.done_before) == ({}, 0)


def test_a_changed_file_is_done_again_even_with_its_old_size_and_times(data_dir):
    transcribe(data_dir)
    path, old, backend = data_dir / "b.wav", data_dir.parent / "old.wav", EchoBackend()
    shutil.copy2(path, old)
    write(path, 0.9, seconds=2)
    shutil.copystat(old, path)
    assert path.stat().st_size == old.stat().st_size
    done = transcribe(data_dir, backend)
    assert backend.heard == ["b"]
    assert done.rows["b"]["text"] == "loudness 0.9"
    assert pq.read_table(done.path).num_rows == 4


def test_a_changed_option_does_every_file_again_and_going_back_none(data_dir):
    first = transcribe(data_dir)
    other, back = EchoBackend({"language": "de"}), EchoBackend()
    transcribe(data_dir, other)
    assert len(other.heard) == 4
    again = transcribe(data_dir, back)
    assert (again.rows, again.done_before, back.heard) == (first.rows, 4, [])


def test_the_limit_takes_the_first_by_id_and_a_later_run_the_rest(data_dir):
    backend = EchoBackend()
    with pytest.raises(ValueError, match="limit=0 cannot be used: give a number from 1 up"):
        transcribe(data_dir, backend, limit=0)
    assert transcribe(data_dir, backend, limit=2).rows.keys() == {"a", "b"}
    assert transcribe(data_dir, backend).rows.keys() == {"a", "b", "c", "d"}
    assert backend.heard == ["b", "a", "d", "c"]


def test_faulty_files_are_named_and_stop_nothing(data_dir, caplog):
    (data_dir / "empty.wav").write_bytes(b"")
    (data_dir / "page.mp3").write_bytes(b"<html>not found</html>" * 100)
    (data_dir / "phone.m4a").write_bytes(b"\0\0\0 ftypM4A " * 50)
    cut = (data_dir / "c.wav").read_bytes()
    (data_dir / "cut.wav").write_bytes(cut[: len(cut) // 2])
    write(data_dir / "quiet.wav", 0.0)
    write(data_dir / "loud.wav", 0.99999)
    done = transcribe(data_dir)
    assert done.rows.keys() == {"a", "b", "c", "d", "cut", "quiet", "loud"}
    notes = {id: row["audio_notes"] for id, row in done.rows.items() if row["audio_notes"]}
    assert notes == {"cut": ["truncated: 1.5 of 3.0 s read"], "quiet": ["silent"], "loud": ["clipped"]}
    assert done.failures.keys() == {"empty", "page", "phone"}
    assert "is empty (0 bytes)" in done.failures["empty"]
    for id in ("page", "phone"):
        assert "is not a sound" in done.failures[id]
        assert f"{id} failed. AudioError" in caplog.text


def test_whatever_reading_a_recording_raises_fails_it_alone(data_dir, monkeypatch):
    def read(path):
        if path.stem == "b":
            raise KeyError("a fault of some library")
        return load_audio(path)

    monkeypatch.setattr("blv_trainer.asr.recordings.load_audio", read)
    done = transcribe(data_dir)
    assert done.rows.keys() == {"a", "c", "d"}
    assert done.failures == {"b": "KeyError: 'a fault of some library'"}
    assert pq.read_table(done.path).num_rows == 3


def test_what_all_recordings_fail_of_is_told_once(data_dir, caplog):
    done = transcribe(data_dir, EchoBackend(fails_on="abcd"))
    assert caplog.text.count("RuntimeError: deaf") == 1
    assert done.failures == dict.fromkeys("abcd", "RuntimeError: deaf")
    assert pq.read_table(done.path).num_rows == 0


def test_a_recording_that_vanishes_meanwhile_fails_alone(data_dir):
    class Deleting(EchoBackend):
        def describe(self):
            (data_dir / "b.wav").unlink(missing_ok=True)
            return super().describe()

    done = transcribe(data_dir, Deleting())
    assert done.rows.keys() == {"a", "c", "d"}
    assert "b.wav does not exist" in done.failures["b"]


def test_recordings_that_share_a_name_are_all_transcribed(data_dir):
    for number in (1, 2):
        (data_dir / f"speaker{number}").mkdir()
        write(data_dir / f"speaker{number}" / "part_time.wav", number / 10)
    done = transcribe(data_dir)
    assert done.rows["speaker2/part_time"]["text"] == "loudness 0.2"
    assert pq.read_table(done.path).column("id").to_pylist() == [
        *("a", "b", "c", "d", "speaker1/part_time", "speaker2/part_time"),
    ]


def test_a_recording_whose_id_changes_has_one_transcript(data_dir):
    transcribe(data_dir)
    (data_dir / "x").mkdir()
    write(data_dir / "x" / "a.wav", 0.7)
    backend = EchoBackend()
    done = transcribe(data_dir, backend)
    assert backend.heard == ["a.wav", "x/a"]
    assert done.rows.keys() == {"a.wav", "x/a", "b", "c", "d"}
    assert pq.read_table(done.path).column("id").to_pylist() == ["a.wav", "b", "c", "d", "x/a"]


def test_a_failed_recording_is_tried_again_by_the_next_run(data_dir):
    done, backend = transcribe(data_dir, EchoBackend(fails_on="b")), EchoBackend()
    assert done.failures == {"b": "RuntimeError: deaf"}
    assert pq.read_table(done.path).column("id").to_pylist() == ["a", "c", "d"]
    done = transcribe(data_dir, backend)
    assert (done.failures, done.done_before, backend.heard) == ({}, 3, ["b"])


def test_what_was_done_before_an_error_of_the_backend_is_kept(data_dir):
    class Breaking(EchoBackend):
        def transcribe(self, files):
            yield from itertools.islice(super().transcribe(files), 2)
            raise MemoryError

    with pytest.raises(MemoryError):
        transcribe(data_dir, Breaking())
    assert transcribe(data_dir).done_before == 2


def test_files_given_one_by_one_are_named_from_the_root(data_dir):
    done = transcribe_into([data_dir / "d.wav"], data_dir / "out", root=data_dir.parent, backend=EchoBackend())
    assert {id: row["audio_path"] for id, row in done.rows.items()} == {"d": "recordings/d.wav"}


def two_processes(data_dir, **options):
    """Each a thread with what accelerate would tell it; what they heard and what they return."""
    barrier, backends = threading.Barrier(2), [EchoBackend(**options) for _ in range(2)]

    def work(rank):
        processes = SimpleNamespace(process_index=rank, num_processes=2, wait_for_everyone=barrier.wait)
        return transcribe(data_dir, backends[rank], processes=processes)

    with ThreadPoolExecutor(2) as pool:
        returned = [*pool.map(work, (0, 1))]
    return [backend.heard for backend in backends], returned


def test_two_processes_share_the_recordings_and_the_main_one_sums_up(data_dir):
    heard, done = two_processes(data_dir, fails_on="c")
    assert heard == [["d", "b"], ["c", "a"]]
    assert done[1] is None
    assert done[0].rows.keys() == {"a", "b", "d"}
    assert (done[0].failures, done[0].done_before) == ({"c": "RuntimeError: deaf"}, 0)
    assert pq.read_table(done[0].path).num_rows == 3
    heard, done = two_processes(data_dir)
    assert heard == [[], ["c"]]
    assert (done[0].rows.keys(), done[0].failures, done[0].done_before) == ({"a", "b", "c", "d"}, {}, 3)
    assert transcribe(data_dir).done_before == 4
