"""A full disk: a sentence and exit code 1, nothing half written, old results untouched, and with room it goes on."""

import contextlib
import errno
import resource
import shutil
import signal
from unittest.mock import Mock

import pytest
import torch
from safetensors.torch import save_file

from blv_trainer import BLVTrainer, BLVTrainingArguments
from blv_trainer.asr.store import TranscriptStore
from blv_trainer.files import staged_folder, write_json, write_whole
from blv_trainer.training.checkpoints import is_whole


@contextlib.contextmanager
def no_file_above(num_bytes):
    """Lets no file of this process grow further, as on a full disk, but with another error number."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# ---- What everything is written by


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(bytes(5000)),
        lambda path: save_file({"weight": torch.zeros(2000)}, path),
        lambda path: torch.save(torch.zeros(2000), path),
        Mock(side_effect=RuntimeError("basic_ios::clear: iostream error")),  # torch.save beside a newer C++ library
    ],
    ids=["bytes", "safetensors", "torch", "newer torch"],
)
def test_a_file_that_does_not_fit_leaves_the_old_one_and_nothing_else(write, tmp_path):
    write_json(tmp_path / "file", {"old": 1})
    before = tree(tmp_path)
    with no_file_above(1000), pytest.raises(OSError, match=r"'.*/file'$") as raised:
        write_whole(tmp_path / "file", write)
    assert raised.value.errno in (errno.EFBIG, errno.EIO)
    assert tree(tmp_path) == before


def test_a_folder_of_files_is_written_whole_or_not_at_all(tmp_path):
    def write(name, content):
        with staged_folder(tmp_path) as folder:
            (folder / "a").write_bytes(content[:3])
            (folder / "data").mkdir()
            (folder / "data" / name).write_bytes(content)

    write("b", b"old")
    with no_file_above(1000), pytest.raises(OSError, match="File too large"):
        write("c", bytes(5000))
    assert tree(tmp_path) == {"a": b"old", "data/b": b"old"}


def test_errors_that_are_not_of_the_disk_stay_what_they_are(tmp_path):
    def fail(_):
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="a fault of ours"):
        write_whole(tmp_path / "file", fail)
    assert list(tmp_path.iterdir()) == []


# ---- Checkpoints and transcripts


def test_of_a_checkpoint_that_does_not_fit_nothing_stays_and_the_last_one_is_whole(make_mean_pooled, rows, tmp_path):
    class Filling(BLVTrainer):
        def _save_optimizer_and_scheduler(self, output_dir):
            with no_file_above(1000) if self.state.global_step == 4 else contextlib.nullcontext():
                super()._save_optimizer_and_scheduler(output_dir)

    args = BLVTrainingArguments(
        str(tmp_path), max_steps=6, save_strategy="steps", save_steps=2, save_total_limit=1, disable_tqdm=True,
        report_to="none", use_cpu=True,
    )  # fmt: skip
    with pytest.raises(OSError, match="checkpoint-4"):
        Filling(make_mean_pooled(), args, train_dataset=rows).train()
    assert args.save_total_limit == 1
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-2"]
    assert is_whole(tmp_path / "checkpoint-2")


def test_a_transcript_that_does_not_fit_is_made_again(tmp_path):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0", "text": "hello"}
    store = TranscriptStore(tmp_path)
    store.append(row)
    with no_file_above(150), pytest.raises(OSError, match=r"'.*/parts'$"):
        store.append({**row, "id": "b", "text": "well " * 100})
    assert store.rows("1f").keys() == {"a"}
    store.append({**row, "id": "b"})
    assert store.rows("1f").keys() == {"a", "b"}


# ---- A disk that is really full


@pytest.fixture
def small_disk(tmp_path, mount):
    """A file system of 8 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    return mount(folder, ["-t", "tmpfs", "-o", "size=8m", "tmpfs"])


def fill(folder, left):
    """Fill a disk up to so many bytes; the path of what fills it."""
    path = folder / "ballast"
    path.write_bytes(bytes(max(0, shutil.disk_usage(folder).free - left)))
    return path


@pytest.mark.parametrize(
    ("verb", "left"),
    [
        *[("train", left) for left in (0, 20_000, 60_000, 150_000)],
        *[("prepare", left) for left in (0, 8_000, 16_000)],
        *[pytest.param("compare", left, marks=pytest.mark.slow) for left in (0, 60_000, 150_000, 500_000)],
    ],
)
def test_a_verb_ends_with_a_sentence_and_goes_on_when_there_is_room(
    verb, left, request, small_disk, run_verb, tmp_path, capfd
):
    words = request.getfixturevalue(f"{verb}_words")
    ballast = fill(small_disk, left)
    out = small_disk / "out"
    assert run_verb(words, out) == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"blv-trainer {verb}: {small_disk}")
    assert "No space left on device. Make room and give the same command again" in last
    assert not [path for path in out.rglob("*") if "unfinished" in path.name or path.name.startswith("_")]
    assert not [path for path in out.rglob("config.yaml") if path.stat().st_size == 0]
    assert all(is_whole(path) for path in out.rglob("checkpoint-*"))
    ballast.unlink()
    assert run_verb(words, out) == 0


@pytest.mark.parametrize(
    ("verb", "left", "again"),
    [
        pytest.param("compare", 20_000, ["--report_only"], marks=pytest.mark.slow),
        ("prepare", 8_000, ["--overwrite_output_dir", "--split_by", "sample"]),
    ],
)
def test_an_old_result_stays_when_the_new_one_does_not_fit(verb, left, again, request, small_disk, run_verb, capfd):
    out, words = small_disk / "out", request.getfixturevalue(f"{verb}_words")
    assert run_verb(words, out) == 0
    before = tree(out)
    ballast = fill(small_disk, left)
    assert run_verb(words, out, *again) == 1
    assert "No space left on device" in capfd.readouterr().err
    assert tree(out) == before
    ballast.unlink()
    assert run_verb(words, out, *again) == 0
    assert tree(out).keys() == before.keys()
