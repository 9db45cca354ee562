"""Two runs in one folder at once: the second ends with a sentence; a lock that a killed one left blocks nobody."""

import platform
import signal
import subprocess
import sys

import pytest

from blv_trainer.files import LOCK_FILE, FolderInUseError, only_run_in

HOLD = """
import sys, time
from blv_trainer.files import only_run_in
with only_run_in(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def hold(environment):
    """Has another process hold a folder; gives the process."""
    processes = []

    def hold(folder):
        command = [sys.executable, "-c", HOLD, str(folder)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_folder_in_use_is_refused_with_process_and_machine(hold, tmp_path):
    process = hold(tmp_path / "out")
    message = rf"out is in use by process {process.pid} \(-c\) on {platform.node()}: wait until that run has ended"
    with pytest.raises(FolderInUseError, match=message), only_run_in(tmp_path / "out"):
        pass
    with only_run_in(tmp_path / "out", active=False):  # another process of the same run
        pass
    assert process.poll() is None


def test_a_killed_run_blocks_nobody_and_its_lock_goes_with_the_next(hold, tmp_path):
    process = hold(tmp_path / "out")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "out" / LOCK_FILE).exists()
    with only_run_in(tmp_path / "out"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


def test_what_a_killed_run_left_half_written_goes(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / ".metrics.json.123.unfinished").write_text("{")
    (tmp_path / ".staged.unfinished").mkdir()
    (tmp_path / ".staged.unfinished" / "model.safetensors").touch()
    (tmp_path / "kept.json").touch()
    with only_run_in(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept.json", "runs"]


def test_a_folder_can_be_held_again_after_a_failed_run(tmp_path):
    with pytest.raises(ValueError, match="a fault"), only_run_in(tmp_path):
        raise ValueError("a fault")
    with only_run_in(tmp_path):
        pass


@pytest.mark.parametrize("verb", ["train", "compare", "prepare", "transcribe"])
def test_the_second_run_of_a_verb_ends_with_a_sentence(verb, hold, request, run_verb, tmp_path, capsys):
    process, out = hold(tmp_path / "out"), tmp_path / "out"
    assert run_verb(request.getfixturevalue(f"{verb}_words"), out) == 1
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith(f"blv-trainer {verb}: {out} is in use by process {process.pid}")
    assert [path.name for path in out.iterdir()] == [LOCK_FILE]
