"""One process of several that share a folder. Usage: launched_run.py DATA_DIR OUTPUT_DIR CHECKPOINT."""

import sys

import torch

from blv_trainer.asr.transcription import transcribe_folder
from blv_trainer.asr.whisper import OpenAIWhisper
from blv_trainer.asr.workers import Workers

if __name__ == "__main__":
    data_dir, output_dir, checkpoint = sys.argv[1:]
    torch.set_num_threads(1)
    backend = OpenAIWhisper(checkpoint, language="en", batch_size=2, temperature=0.0, sample_len=40)
    workers = Workers()
    outcome = transcribe_folder(data_dir, output_dir, backend=backend, workers=workers)
    print(f"rank {workers.rank} of {workers.size}: {outcome and sorted(outcome.rows)}")
