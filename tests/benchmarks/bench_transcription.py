"""Transcription against ``whisper.transcribe`` and ffmpeg: the same random weights, sounds and decoding work.

Random weights never end a text, so that every window is decoded up to 96 tokens: Whisper's own pace on speech.
Processor time is given beside wall time: on a busy machine only the former means anything, and only with one thread.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
import torch
import whisper
from whisper.model import ModelDimensions, Whisper

from blv_trainer.asr import load_audio
from blv_trainer.asr.recordings import load_ahead, read_recordings
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_windows import WindowDecoder, transcribe_in_flight
from tests.benchmarks.harness import NotHereError, Row, benchmark

SIZES = {"tiny": (384, 6, 4), "base": (512, 8, 6), "large-v2": (1280, 20, 32)}  # width, heads, layers
TOKENS = 96  # a window
MINUTE = 60.0  # seconds
OPTIONS = {
    "language": "en",
    "temperature": 0.0,
    "sample_len": TOKENS,
    "condition_on_previous_text": False,
    **dict.fromkeys(("compression_ratio_threshold", "logprob_threshold", "no_speech_threshold")),
}


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
    rows, sounds = [], minutes_of_speech(16)
    for size, threads, slots, target, times in plan:
        model = random_whisper(size)
        with _threads(threads):
            seconds, (ours, theirs) = _alternated(
                lambda model=model, slots=slots: _together(RowDecoder(model, slots), model, sounds),
                lambda model=model: _one_by_one(model, sounds),
                times=times,
            )
        assert ours == theirs, "the transcripts differ"
        name = f"transcribe, {size}, {threads} threads, {slots} rows"
        rows.append(_row(name, seconds, target, f"{TOKENS} tokens a window, float32"))
    return rows


@benchmark("transcribe_processes")
def transcribe_processes(processes: int = 2, files: int = 32) -> list[Row]:
    """One process for each core with a thread each, against ``whisper.transcribe`` with that many threads."""
    model, sounds = random_whisper("tiny"), minutes_of_speech(files)
    shares = [range(i, files, processes) for i in range(processes)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_load, initargs=(files,)) as pool, _threads(processes):
        seconds, _ = _alternated(  # loading takes part in the first run only
            lambda: list(pool.map(functools.partial(_share, files), shares)), lambda: _one_by_one(model, sounds)
        )
    note = "1 thread each, against 2 threads"
    return [_row("transcribe, tiny, 2 processes, 16 rows each", seconds, note=note, processor=False)]


def _load(files: int) -> None:
    torch.set_num_threads(1)
    random_whisper("tiny")
    minutes_of_speech(files)


def _share(files: int, numbers: range) -> None:
    model, sounds = random_whisper("tiny"), minutes_of_speech(files)
    _together(RowDecoder(model, 16), model, [sounds[number] for number in numbers])


@benchmark("transcribe_uneven")
def transcribe_uneven(slots: int = 8) -> list[Row]:
    """Rows that are refilled at the next token against plain batches, where texts end at different lengths."""
    model, sounds = random_whisper("tiny", ends=14.0), minutes_of_speech(16)
    with _threads(1):
        seconds, _ = _alternated(
            lambda: _together(RowDecoder(model, slots), model, sounds),
            lambda: _together(BatchDecoder(model, slots), model, sounds),
        )
    return [_row("rows against batches, uneven texts, tiny", seconds, note="1 thread; the same weights and words")]


@benchmark("load_audio")
def load_minutes(number: int = 200) -> list[Row]:
    """Minutes of mp3 as float32 at 16 kHz, against one ffmpeg process after another as in ``whisper.load_audio``."""
    if shutil.which("ffmpeg") is None:
        raise NotHereError("there is no ffmpeg")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{i}.mp3") for i in range(number)]
        sound = np.interp(np.arange(44_100 * 60) / 44_100, np.arange(16_000 * 60) / 16_000, _noise())
        soundfile.write(paths[0], sound, 44_100)
        for path in paths[1:]:
            shutil.copyfile(paths[0], path)
        recordings, note = read_recordings(paths), f"{number:,} minutes at 44.1 kHz, ffmpeg one process after another"

        def read_ahead() -> None:
            for _, loading in load_ahead(recordings):
                loading.result()

        jobs = {"read ahead": (read_ahead, 3), "one by one": (lambda: [load_audio(path) for path in paths], None)}
        return [
            _row(f"mp3 loaded, {how}", _alternated(job, lambda: _by_ffmpeg(paths), times=1)[0], target, note)
            for how, (job, target) in jobs.items()
        ]


@benchmark("transcribe_gpu")
def transcribe_gpu() -> list[Row]:
    """Batches of ``large-v2``'s size in half precision against ``whisper.transcribe``."""
    if not torch.cuda.is_available():
        raise NotHereError("there is no GPU")
    model, rows = random_whisper("large-v2", device="cuda"), []
    for size in (16, 32, 64):
        sounds, decoder = minutes_of_speech(size), BatchDecoder(model, size)
        _together(decoder, model, sounds, fp16=True)  # warms up
        torch.cuda.reset_peak_memory_stats()
        ours, _ = _cost(lambda decoder=decoder, sounds=sounds: _together(decoder, model, sounds, fp16=True))
        theirs, _ = _cost(lambda sounds=sounds: _one_by_one(model, sounds[:2], fp16=True))
        memory, real_time = torch.cuda.max_memory_allocated() / 2**30, MINUTE * size / ours[0]
        pair = (ours[0],), (size / 2 * theirs[0],)
        note = f"{real_time:.0f} x real time, {memory:.1f} GiB; reference extrapolated from 2 files"
        rows.append(_row(f"transcribe, large-v2, GPU, batch {size}", [pair], 8, note, processor=False))
    return rows


@functools.cache
def random_whisper(size: str, *, ends: float = 0.0, device: str = "cpu") -> Whisper:
    """A model of an official size.

    Args:
        size: A key of ``SIZES``.
        ends: Added to the logit of the end of text; texts then end at different lengths.
        device: Where to put it.
    """
    width, heads, layers = SIZES[size]
    torch.manual_seed(0)
    with torch.device(device):
        model = Whisper(ModelDimensions(80, 1500, width, heads, layers, 51865, 448, width, heads, layers)).eval()
    with torch.no_grad():
        model.decoder.positional_embedding.normal_()
        if ends:
            constant = torch.full((width,), width**-0.5, device=device)
            embedding = model.decoder.token_embedding.weight
            embedding -= (embedding @ constant)[:, None] * constant
            embedding[whisper.tokenizer.get_tokenizer(True).eot] += ends * constant
            model.decoder.ln.bias.copy_(5.0 * constant)
            # Louder ears and positions: a random model repeats its last word, whatever it hears.
            model.decoder.positional_embedding.mul_(3)
            model.encoder.conv1.weight.mul_(8)
            model.encoder.conv2.weight.mul_(8)
            for block in model.decoder.blocks:
                block.cross_attn.query.weight.mul_(16)
                block.cross_attn.out.weight.mul_(8)
    return model


@functools.cache
def minutes_of_speech(number: int) -> list[tuple[str, np.ndarray]]:
    """Sounds of a minute; random weights hear words in noise as well as in speech."""
    return [(f"{seed:04d}", _noise(seed)) for seed in range(number)]


def _noise(seed: int = 0) -> np.ndarray:
    """A minute at 16 kHz, float32 in -1..1."""
    return np.random.default_rng(seed).uniform(-0.7, 0.7, round(MINUTE * 16_000)).astype(np.float32)


def _together(decoder: WindowDecoder, model: Whisper, sounds, *, fp16: bool = False) -> dict[str, str]:
    results = dict(transcribe_in_flight(sounds, decoder, model, fp16=fp16, **OPTIONS))
    return {name: results[name]["text"] for name, _ in sounds}


def _one_by_one(model: Whisper, sounds, *, fp16: bool = False) -> dict[str, str]:
    return {name: whisper.transcribe(model, samples, fp16=fp16, **OPTIONS)["text"] for name, samples in sounds}


def _cost(work: Callable[[], object]) -> tuple[tuple[float, float], object]:
    """Seconds of the clock and of the processor, of this process and of its children, and what the work gives."""
    before, clock = sum(os.times()[:4]), time.perf_counter()
    result = work()
    return (time.perf_counter() - clock, sum(os.times()[:4]) - before), result


def _alternated(ours: Callable[[], object], theirs: Callable[[], object], *, times: int = 3):
    """Seconds of pairs of runs, one after the other, and what the last pair gives."""
    pairs = [(_cost(ours), _cost(theirs)) for _ in range(times)]
    return [(own[0], other[0]) for own, other in pairs], tuple(result for _, result in pairs[-1])


def _row(name: str, pairs, target: float | None = None, note: str = "", *, processor: bool = True) -> Row:
    """Medians over pairs of runs; processor time of other processes is known only when they have ended."""
    ratio = statistics.median(other[0] / own[0] for own, other in pairs)
    if processor:
        note += f"; by processor time {statistics.median(other[1] / own[1] for own, other in pairs):.2f}"
    seconds = (statistics.median(run[0] for run in runs) for runs in zip(*pairs, strict=True))
    met = None if target is None else ratio >= target
    return Row(name, *seconds, ratio, "" if target is None else f">= {target:.2g}", met, note=note)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _by_ffmpeg(paths: list[Path]) -> None:
    for path in paths:
        words = ["ffmpeg", "-nostdin", "-threads", "0", "-i", str(path), "-f", "s16le", "-ac", "1", "-acodec"]
        heard = subprocess.run([*words, "pcm_s16le", "-ar", "16000", "-"], capture_output=True, check=True).stdout
        np.frombuffer(heard, np.int16).astype(np.float32) / 32_768.0
