"""Transcribes a folder again and again, each attempt killed at a random moment, the last one left alone.

Usage: killed_run.py DATA_DIR OUTPUT_DIR CHECKPOINT KILLS. Run by a test in a process of its own, because it forks.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from blv_trainer.asr.transcription import transcribe_folder
from blv_trainer.asr.whisper import OpenAIWhisper


def transcribe(data_dir, output_dir, checkpoint):
    backend = OpenAIWhisper(checkpoint, language="en", batch_size=2, temperature=0.0, sample_len=40)
    transcribe_folder(data_dir, output_dir, backend=backend)


def whole_lines(output_dir):
    return sum(part.read_bytes().count(b"\n") for part in Path(output_dir).glob("parts/*.jsonl"))


def main(data_dir, output_dir, checkpoint, kills):
    torch.set_num_threads(1)
    rng = random.Random(0)
    for _ in range(int(kills)):
        before = whole_lines(output_dir)
        child = os.fork()
        if child == 0:
            transcribe(data_dir, output_dir, checkpoint)
            os._exit(0)
        # Half of the kills fall on the moment after a row, when the next line may be half written.
        deadline = time.monotonic() + rng.uniform(0.05, 1.0)
        at_a_row = rng.random() < 0.5
        while time.monotonic() < deadline and not (at_a_row and whole_lines(output_dir) > before):
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(f"killed={killed} rows={whole_lines(output_dir)}")
    transcribe(data_dir, output_dir, checkpoint)


if __name__ == "__main__":
    main(*sys.argv[1:])
