"""How fast transcription is, as ratios taken in one run: the same random weights, sounds and decoding work.

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

from blv_trainer.asr.audio import load_audio
from blv_trainer.asr.batch_size import BatchSize
from blv_trainer.asr.prefetch import load_ahead
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_windows import transcribe_in_flight
from blv_trainer.corpora.synthetic.audio import speech_like
from tests.benchmarks.faster_whisper_weights import write_for_faster_whisper

SIZES = {"tiny": (384, 6, 4), "base": (512, 8, 6), "large-v2": (1280, 20, 32)}  # width, heads, layers
TOKENS = 96  # a window
SLOTS = 8
MINUTE = 60.0  # seconds
OPTIONS = {
    "language": "en",
    "temperature": 0.0,
    "sample_len": TOKENS,
    "condition_on_previous_text": False,
    "compression_ratio_threshold": None,
    "logprob_threshold": None,
    "no_speech_threshold": None,
}

_FASTER_WHISPER = {
    "language": "en",
    "temperature": 0.0,
    "beam_size": 1,
    "max_new_tokens": 2 * TOKENS - 3,  # CTranslate2 counts the prompt of 3, and spends half on the text
    "condition_on_previous_text": False,
    "compression_ratio_threshold": None,
    "log_prob_threshold": None,
    "no_speech_threshold": None,
    "suppress_tokens": [-1],
    "without_timestamps": False,
    "vad_filter": False,
    "clip_timestamps": [{"start": 0, "end": 30}, {"start": 30, "end": 60}],
}


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
    """Sounds of a minute with the rhythm of speech."""
    return [(f"{seed:04d}", speech_like(MINUTE, seed=seed)) for seed in range(number)]


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the clock and of the processor, child processes included."""
    before, clock = _processor_seconds(), time.perf_counter()
    work()
    return time.perf_counter() - clock, _processor_seconds() - before


def alternated(
    ours: Callable[[], object], theirs: Callable[[], object], *, times: int = 3, processor: bool = True
) -> dict[str, float]:
    """How many times longer ``theirs`` takes: medians over pairs of runs, one after the other.

    Args:
        ours, theirs: The two ways of one job.
        times: Pairs.
        processor: Whether processor time is compared too; that of other processes is known when they have ended.
    """
    pairs = [(cost(ours), cost(theirs)) for _ in range(times)]
    figures = {
        "wall": statistics.median(other[0] / own[0] for own, other in pairs),
        "ours_s": statistics.median(own[0] for own, _ in pairs),
        "theirs_s": statistics.median(other[0] for _, other in pairs),
    }
    if processor:
        figures["processor"] = statistics.median(other[1] / own[1] for own, other in pairs)
    return figures


def against_transcribe(size: str, *, threads: int, slots: int = SLOTS, files: int = 16, times: int = 3) -> dict:
    """Files together against ``whisper.transcribe`` one by one; the words must be the same."""
    model, sounds = random_whisper(size), minutes_of_speech(files)
    texts: dict[str, dict[str, str]] = {"ours": {}, "theirs": {}}

    def ours() -> None:
        for name, outcome in transcribe_in_flight(sounds, RowDecoder(model, slots), model, fp16=False, **OPTIONS):
            texts["ours"][name] = outcome["text"]

    def theirs() -> None:
        for name, samples in sounds:
            texts["theirs"][name] = whisper.transcribe(model, samples, fp16=False, **OPTIONS)["text"]

    with _threads(threads):
        ratio = alternated(ours, theirs, times=times)
    if texts["ours"] != texts["theirs"]:
        raise AssertionError("the transcripts differ")
    return ratio


def processes_against_transcribe(size: str = "tiny", *, processes: int = 2, slots: int = 16, files: int = 32) -> dict:
    """One process for each core with a thread each, against ``whisper.transcribe`` with that many threads."""
    model, sounds = random_whisper(size), minutes_of_speech(files)
    share = functools.partial(_share, size, files, slots)
    shares = [range(i, files, processes) for i in range(processes)]
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(processes, context, initializer=_load, initargs=(size, files)) as pool,
        _threads(processes),
    ):
        return alternated(  # loading takes part in the first run only
            lambda: list(pool.map(share, shares)),
            lambda: [whisper.transcribe(model, samples, fp16=False, **OPTIONS) for _, samples in sounds],
            processor=False,
        )


def _load(size: str, files: int) -> None:
    torch.set_num_threads(1)
    random_whisper(size)
    minutes_of_speech(files)


def _share(size: str, files: int, slots: int, numbers: range) -> None:
    model, sounds = random_whisper(size), minutes_of_speech(files)
    share = [sounds[number] for number in numbers]
    for _ in transcribe_in_flight(share, RowDecoder(model, slots), model, fp16=False, **OPTIONS):
        pass


def rows_against_batches(size: str = "tiny", *, files: int = 16, ends: float = 14.0) -> dict[str, float]:
    """Rows that are refilled at the next token against plain batches, where texts end at different lengths."""
    model, sounds = random_whisper(size, ends=ends), minutes_of_speech(files)

    def run(make_decoder: Callable[[], object]) -> None:
        for _, outcome in transcribe_in_flight(sounds, make_decoder(), model, fp16=False, **OPTIONS):
            if isinstance(outcome, Exception):
                raise outcome

    with _threads(1):
        return alternated(
            lambda: run(lambda: RowDecoder(model, SLOTS)),
            lambda: run(lambda: BatchDecoder(model, BatchSize(SLOTS, limit=SLOTS))),
        )


def against_faster_whisper(size: str = "tiny", *, files: int = 4) -> dict[str, float]:
    """One thread, float32: files together against faster-whisper's batched pipeline, the same windows and tokens each.

    Raises:
        ImportError: faster-whisper is not installed.
    """
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model, sounds = random_whisper(size), minutes_of_speech(files)
    with tempfile.TemporaryDirectory() as folder, _threads(1):
        write_for_faster_whisper(model, folder)
        pipeline = BatchedInferencePipeline(WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=1))

        def theirs() -> None:
            for _, samples in sounds:
                list(pipeline.transcribe(samples, batch_size=SLOTS, **_FASTER_WHISPER)[0])

        def ours() -> None:
            dict(transcribe_in_flight(sounds, RowDecoder(model, SLOTS), model, fp16=False, **OPTIONS))

        return alternated(ours, theirs)


def loading_against_ffmpeg(ffmpeg: str, *, number: int = 1_000) -> dict[str, dict[str, float]]:
    """Minutes of mp3, read ahead by two threads, against one ffmpeg process after another as in whisper.load_audio."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{i}.mp3") for i in range(number)]
        sound = np.interp(np.arange(44_100 * 60) / 44_100, np.arange(16_000 * 60) / 16_000, speech_like(MINUTE))
        soundfile.write(paths[0], sound, 44_100)
        for path in paths[1:]:
            shutil.copyfile(paths[0], path)
        return {
            "read ahead": alternated(
                lambda: [audio.samples for _, audio in load_ahead(paths)], lambda: _by_ffmpeg(ffmpeg, paths), times=1
            ),
            "one by one": alternated(
                lambda: [load_audio(path) for path in paths], lambda: _by_ffmpeg(ffmpeg, paths), times=1
            ),
        }


def on_gpu(size: str = "large-v2", *, batch_sizes: tuple[int, ...] = (16, 32, 64)) -> dict[str, dict[str, float]]:
    """Batches in half precision against ``whisper.transcribe``, with the share of time and arithmetic that is used."""
    model, sounds = random_whisper(size, device="cuda"), minutes_of_speech(max(batch_sizes))
    whisper.transcribe(model, sounds[0][1], fp16=True, **OPTIONS)  # warms up
    alone, _ = cost(lambda: [whisper.transcribe(model, samples, fp16=True, **OPTIONS) for _, samples in sounds[:2]])
    figures = {}
    for batch_size in batch_sizes:

        def together(batch_size=batch_size) -> None:
            decoder = BatchDecoder(model, BatchSize(batch_size, limit=batch_size))
            dict(transcribe_in_flight(sounds[:batch_size], decoder, model, fp16=True, **OPTIONS))
            torch.cuda.synchronize()

        together()
        torch.cuda.reset_peak_memory_stats()
        wall, _ = cost(together)
        work = _operations(model, windows=2 * batch_size)
        figures[f"batch {batch_size}"] = {
            "wall": alone / 2 / (wall / batch_size),
            "ours_s": wall,
            "theirs_s": alone / 2 * batch_size,
            "real_time": MINUTE * batch_size / wall,
            "tera_operations_per_s": work / wall / 1e12,
            "share_of_matrix_product": work / wall / _matrix_product_rate(),
            "memory_gb": torch.cuda.max_memory_allocated() / 2**30,
        }
    return figures


def _operations(model: Whisper, *, windows: int) -> float:
    """Multiplications and additions: two for each weight and position, and what attention takes."""
    dims = model.dims
    encoder = sum(parameter.numel() for parameter in model.encoder.blocks.parameters())
    decoder = sum(parameter.numel() for parameter in model.decoder.parameters())
    attention = 4 * dims.n_audio_ctx * dims.n_audio_state  # scores and mix of one position
    by_window = dims.n_audio_ctx * (2 * encoder + dims.n_audio_layer * attention)
    return windows * (by_window + TOKENS * (2 * decoder + dims.n_text_layer * attention))


def _matrix_product_rate(size: int = 8_192) -> float:
    """Operations in a second that a large product of half precision reaches."""
    matrix = torch.randn(size, size, device="cuda", dtype=torch.float16)
    matrix @ matrix
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(10):
        matrix @ matrix
    torch.cuda.synchronize()
    return 10 * 2 * size**3 / (time.perf_counter() - start)


def _processor_seconds() -> float:
    return sum(os.times()[:4])  # user and system, of this process and of its children


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _by_ffmpeg(ffmpeg: str, paths: list[Path]) -> None:
    command = [ffmpeg, "-nostdin", "-threads", "0", "-i", "{}", "-f", "s16le", "-ac", "1", "-acodec", "pcm_s16le"]
    for path in paths:
        words = [str(path) if word == "{}" else word for word in command] + ["-ar", "16000", "-"]
        heard = subprocess.run(words, capture_output=True, check=True).stdout
        np.frombuffer(heard, np.int16).astype(np.float32) / 32_768.0
