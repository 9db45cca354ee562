"""Two processes that accelerate starts leave what one leaves."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import soundfile

from blv_trainer.asr import build_backend, transcribe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_two_processes_share_the_files_and_leave_what_one_leaves(make_noise, checkpoint, tmp_path):
    data_dir = tmp_path / "recordings"
    data_dir.mkdir()
    for i in range(10):
        soundfile.write(data_dir / f"SM_THA_PTJ1_{i:03d}_B1_1.wav", make_noise(1 + 4 * i, i), 16_000)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("transcribe", "--data_dir", data_dir, "--output_dir", tmp_path / "out", "--whisper_model", checkpoint)
    command = [
        *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", 2),
        *("--num_machines", 1, "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", port),
        *("-m", "blv_trainer", *words, "--batch_size", 2),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert done.stdout.count("10 of 10 recordings have a transcript (0 had one before)") == 1

    backend = build_backend("openai-whisper", str(checkpoint), language="en", batch_size=2)
    alone = transcribe(data_dir, tmp_path / "alone", backend=backend).rows
    rows = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "transcripts.parquet").to_pylist()}
    assert rows.keys() == alone.keys()
    for id, expected in alone.items():
        for segment, other in zip(rows[id]["segments"], expected["segments"], strict=True):
            assert all(segment[key] == other[key] for key in ("text", "seek", "start", "end", "tokens", "temperature"))

    parts = [part.read_bytes().splitlines() for part in sorted((tmp_path / "out" / "parts").iterdir())]
    assert [len(lines) for lines in parts] == [5, 5]
    assert sorted(json.loads(line)["id"] for lines in parts for line in lines) == sorted(alone)
