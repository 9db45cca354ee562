import itertools
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile

from blv_trainer.asr.transcription import Progress, transcribe_folder


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
            yield (
                name,
                RuntimeError("deaf")
                if name in self._fails_on
                else {
                    "text": text,
                    "segments": [],
                    "language": "en",
                },
            )


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
    return transcribe_folder(data_dir, data_dir.parent / "out", backend=backend or EchoBackend(), **options)


def test_every_recording_gets_a_row_the_longest_first(data_dir):
    backend = EchoBackend()
    outcome = transcribe(data_dir, backend)
    assert backend.heard == ["d", "c", "b", "a"]
    assert {id: row["text"] for id, row in outcome.rows.items()} == {
        "a": "loudness 0.1",
        "b": "loudness 0.2",
        "c": "loudness 0.3",
        "d": "loudness 0.4",
    }
    row = pq.read_table(outcome.path).to_pylist()[1]
    assert (row["id"], row["duration_s"], row["words_per_second"], row["audio_path"]) == ("b", 2.0, 1.0, "b.wav")
    assert (outcome.failures, outcome.done_before) == ({}, 0)


def test_a_finished_file_is_not_done_again(data_dir):
    first = transcribe(data_dir)
    backend = EchoBackend()
    again = transcribe(data_dir, backend)
    assert backend.heard == []
    assert again.rows == first.rows
    assert again.done_before == 4


def test_a_changed_file_is_done_again_even_with_its_old_size_and_times(data_dir):
    transcribe(data_dir)
    path = data_dir / "b.wav"
    old = data_dir.parent / "old.wav"
    shutil.copy2(path, old)
    write(path, 0.9, seconds=2)
    shutil.copystat(old, path)
    assert path.stat().st_size == old.stat().st_size
    backend = EchoBackend()
    outcome = transcribe(data_dir, backend)
    assert backend.heard == ["b"]
    assert outcome.rows["b"]["text"] == "loudness 0.9"
    assert pq.read_table(outcome.path).num_rows == 4


def test_a_changed_option_does_every_file_again_and_going_back_none(data_dir):
    first = transcribe(data_dir)
    other = EchoBackend({"language": "de"})
    transcribe(data_dir, other)
    assert len(other.heard) == 4
    back = EchoBackend()
    assert transcribe(data_dir, back).rows == first.rows
    assert back.heard == []


def test_the_limit_takes_the_first_by_id_and_a_later_run_the_rest(data_dir):
    backend = EchoBackend()
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
    write(data_dir / "really.flac", 0.1)
    (data_dir / "really.flac").rename(data_dir / "named.wav")
    outcome = transcribe(data_dir)
    assert outcome.rows.keys() == {"a", "b", "c", "d", "cut", "quiet", "loud", "named"}
    notes = {id: row["audio_notes"] for id, row in outcome.rows.items() if row["audio_notes"]}
    assert notes == {
        "cut": ["truncated"],
        "quiet": ["silent"],
        "loud": ["clipped"],
        "named": ["named .wav but FLAC inside"],
    }
    assert outcome.failures.keys() == {"empty", "page", "phone"}
    assert "is empty (0 bytes)" in outcome.failures["empty"]
    for id in ("page", "phone"):
        assert "is not a sound" in outcome.failures[id]
        assert f"{id} failed. AudioError" in caplog.text


def test_a_failed_recording_is_tried_again_by_the_next_run(data_dir):
    outcome = transcribe(data_dir, EchoBackend(fails_on="b"))
    assert outcome.failures == {"b": "RuntimeError: deaf"}
    assert pq.read_table(outcome.path).column("id").to_pylist() == ["a", "c", "d"]
    backend = EchoBackend()
    outcome = transcribe(data_dir, backend)
    assert backend.heard == ["b"]
    assert (outcome.failures, outcome.done_before) == ({}, 3)


def test_progress_counts_files_and_seconds(data_dir):
    seen = []
    transcribe(data_dir, on_progress=seen.append)
    assert seen[0] == Progress(0, 4, 0.0, 10.0)
    assert seen[-1] == Progress(4, 4, 10.0, 10.0)
    assert all(before.files <= after.files for before, after in itertools.pairwise(seen))


def test_what_was_done_before_an_error_of_the_backend_is_kept(data_dir):
    class Breaking(EchoBackend):
        def transcribe(self, files):
            yield from itertools.islice(super().transcribe(files), 2)
            raise MemoryError

    with pytest.raises(MemoryError):
        transcribe(data_dir, Breaking())
    assert transcribe(data_dir).done_before == 2


def test_a_limit_below_one_is_named(data_dir):
    with pytest.raises(ValueError, match="limit=0 cannot be used: give a number from 1 up"):
        transcribe(data_dir, limit=0)
