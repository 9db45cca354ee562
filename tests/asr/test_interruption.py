"""Runs that are killed, and runs of two processes, leave what one undisturbed run leaves."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile

from blv_trainer.asr.transcription import transcribe_folder
from blv_trainer.asr.whisper import OpenAIWhisper

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FILES = 10
KILLS = 20


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, make_noise):
    folder = tmp_path_factory.mktemp("recordings")
    for i in range(FILES):
        soundfile.write(folder / f"SM_THA_PTJ1_{i:03d}_B1_1.wav", make_noise(1 + 4 * i, i), 16_000)
    return folder


@pytest.fixture(scope="module")
def undisturbed(data_dir, checkpoint, tmp_path_factory):
    backend = OpenAIWhisper(str(checkpoint), language="en", batch_size=2, temperature=0.0, sample_len=40)
    return transcribe_folder(data_dir, tmp_path_factory.mktemp("undisturbed"), backend=backend)


def run_script(*command, timeout=300):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


def assert_same_store(output_dir, undisturbed):
    rows = {row["id"]: row for row in pq.read_table(output_dir / "transcripts.parquet").to_pylist()}
    assert rows.keys() == undisturbed.rows.keys()
    for id, expected in undisturbed.rows.items():
        for column in rows[id].keys() - {"segments", "avg_logprob", "no_speech_prob"}:
            assert rows[id][column] == expected[column], (id, column)
        for segment, other in zip(rows[id]["segments"], expected["segments"], strict=True):
            for key in segment.keys() - {"avg_logprob", "no_speech_prob"}:
                assert segment[key] == other[key], (id, key)
        # What is decoded beside a window changes its numbers by rounding, not its words.
        for column in ("avg_logprob", "no_speech_prob"):
            assert rows[id][column] == pytest.approx(expected[column], abs=1e-4)


def rows_by_part(output_dir):
    return [
        [json.loads(line)["id"] for line in part.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        for part in sorted(output_dir.glob("parts/*.jsonl"))
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_twenty_kills_leave_what_one_undisturbed_run_leaves(data_dir, checkpoint, undisturbed, tmp_path):
    output = run_script(HERE / "killed_run.py", data_dir, tmp_path / "out", checkpoint, KILLS)
    assert output.count("killed=") == KILLS
    assert output.count("killed=True") >= KILLS / 2  # the others had finished before they could be killed
    assert_same_store(tmp_path / "out", undisturbed)
    written = [id for part in rows_by_part(tmp_path / "out") for id in part]
    assert sorted(written) == sorted(undisturbed.rows)  # nothing was done twice, so no finished file was lost


def test_two_processes_share_the_files_and_leave_what_one_leaves(data_dir, checkpoint, undisturbed, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    output = run_script(
        *("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2, "--num_machines", 1),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", port),
        *(HERE / "launched_run.py", data_dir, tmp_path / "out", checkpoint),
    )
    assert "rank 1 of 2: None" in output
    assert "rank 0 of 2: ['SM_THA_PTJ1_000_B1_1'" in output
    assert_same_store(tmp_path / "out", undisturbed)
    parts = rows_by_part(tmp_path / "out")
    assert len(parts) == 2
    assert sorted(id for part in parts for id in part) == sorted(undisturbed.rows)
