"""Transcription against ``whisper.transcribe``, faster-whisper and ffmpeg; minutes of work, more for ``large-v2``."""

from __future__ import annotations

import importlib.util
import shutil

import torch

from tests.benchmarks import transcription
from tests.benchmarks.harness import NotHereError, Row, benchmark


@benchmark("transcribe")
def transcribe() -> list[Row]:
    """Files together against one by one, with one thread and with two; the same words."""
    plan = [  # size, threads, rows at a time, target, runs
        ("tiny", 2, 8, 3, 3),
        ("tiny", 2, 16, None, 3),
        ("tiny", 1, 16, None, 1),
        ("base", 1, 8, 2.4, 1),
        ("base", 1, 16, None, 1),
    ]
    note = f"{transcription.TOKENS} tokens a window, float32"
    return [
        _row(
            f"transcribe, {size}, {threads} threads, {slots} rows",
            transcription.against_transcribe(size, threads=threads, slots=slots, times=times),
            target,
            note,
        )
        for size, threads, slots, target, times in plan
    ]


@benchmark("transcribe_processes")
def transcribe_processes() -> list[Row]:
    """A process for each of two cores against two threads."""
    ratio = transcription.processes_against_transcribe()
    return [_row("transcribe, tiny, 2 processes, 16 rows each", ratio, None, "1 thread each, against 2 threads")]


@benchmark("transcribe_uneven")
def transcribe_uneven() -> list[Row]:
    """Rows that are refilled at the next token against plain batches."""
    ratio = transcription.rows_against_batches()
    return [_row("rows against batches, uneven texts, tiny", ratio, None, "1 thread; the same weights and words")]


@benchmark("transcribe_faster_whisper")
def transcribe_faster_whisper() -> list[Row]:
    """The same weights in faster-whisper's batched pipeline."""
    if importlib.util.find_spec("faster_whisper") is None:
        raise NotHereError("faster-whisper is not installed")
    ratio = transcription.against_faster_whisper()
    return [_row("transcribe, tiny, against faster-whisper", ratio, 1 / 1.3, "1 thread, float32, batched pipeline")]


@benchmark("load_audio")
def load_audio() -> list[Row]:
    """Minutes of mp3 as float32 at 16 kHz."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise NotHereError("there is no ffmpeg")
    figures = transcription.loading_against_ffmpeg(ffmpeg)
    note = "1,000 minutes at 44.1 kHz, ffmpeg one process after another"
    targets = {"read ahead": 3, "one by one": None}
    return [_row(f"mp3 loaded, {how}", ratio, targets[how], note) for how, ratio in figures.items()]


@benchmark("transcribe_gpu")
def transcribe_gpu() -> list[Row]:
    """``large-v2``'s size in half precision."""
    if not torch.cuda.is_available():
        raise NotHereError("there is no GPU")
    rows = []
    for batch, figures in transcription.on_gpu().items():
        note = (
            f"{figures['real_time']:.0f} x real time, {figures['tera_operations_per_s']:.1f} Tflop/s, "
            f"{figures['share_of_matrix_product']:.1%} of a large matrix product, {figures['memory_gb']:.1f} GiB"
        )
        rows.append(_row(f"transcribe, large-v2, GPU, {batch}", figures, 8, note))
    return rows


def _row(name: str, ratio: dict[str, float], target: float | None, note: str) -> Row:
    if "processor" in ratio:
        note += f"; by processor time {ratio['processor']:.2f}"
    wanted = "" if target is None else f">= {target:.2g}"
    met = None if target is None else ratio["wall"] >= target
    return Row(name, ratio["ours_s"], ratio["theirs_s"], ratio["wall"], wanted, met, note=note)
