"""Real Whisper weights on real learners' speech, against ``whisper.transcribe`` and faster-whisper.

By processor time, which other programs lengthen little. Needs speechocean762's sentences beside the repository and
``BLV_WHISPER_WEIGHTS`` with the path of Whisper base; ``BLV_FASTER_WHISPER`` with a folder of the same weights for
faster-whisper, if it is to take part.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator

import numpy as np
import whisper

from blv_trainer.asr import Backend, build_backend, load_audio
from tests.benchmarks.bench_transcription import _cost, _threads
from tests.benchmarks.harness import SHARED, NotHereError, Row, benchmark

_FILES, _SECONDS, _RATE = 16, 60, 16_000
_PAUSE = np.zeros(_RATE // 2, np.float32)
Sounds = list[tuple[str, np.ndarray]]


@benchmark("transcribe_real")
def transcribe_real() -> list[Row]:
    """Sixteen minutes of learners, one thread: greedy, and with Whisper's own fallback to higher temperatures."""
    weights, sounds = os.environ.get("BLV_WHISPER_WEIGHTS", ""), minutes_of_learners()
    if not os.path.isfile(weights):
        raise NotHereError("BLV_WHISPER_WEIGHTS names no file")
    model, folder = whisper.load_model(weights), os.environ.get("BLV_FASTER_WHISPER", "")
    rows, kept = [], {}
    with _threads(1):
        for name, options in {"greedy": {"temperature": 0.0}, "with fallback": {}}.items():
            settings = {"language": "en", "condition_on_previous_text": False, **options}
            ours, kept[name] = _cost(
                _all_of(build_backend("openai-whisper", weights, device="cpu", **settings), sounds)
            )

            def one_by_one(settings: dict = settings) -> dict[str, str]:
                return {
                    name: whisper.transcribe(model, sound, fp16=False, **settings)["text"] for name, sound in sounds
                }

            theirs, said = _cost(one_by_one)
            equal = sum(kept[name][file].strip() == said[file].strip() for file, _ in sounds)
            rows.append(
                _row(f"base, {name}", ours, theirs, {"greedy": 2.0}.get(name, 2.5), f"equal texts: {equal} of 16")
            )
            if importlib.util.find_spec("faster_whisper") and os.path.isdir(folder):
                extra = {"compute_type": "float32", "device": "cpu", "batch_size": 16}
                backend = build_backend("faster-whisper", folder, **extra, language="en", **options)
                theirs, _ = _cost(_all_of(backend, sounds))
                rows.append(_row(f"base, {name}, against faster-whisper in batches of 16", ours, theirs, 1.0))
    return rows


def minutes_of_learners() -> Sounds:
    """Files of a minute: sentences in an order drawn anew until there are enough, half a second between them."""
    paths = sorted((SHARED / "l2_speech").glob("*.wav"))
    if not paths:
        raise NotHereError(f"{SHARED / 'l2_speech'} holds no recordings")
    sentences = [load_audio(path).samples for path in paths]
    drawn = _endless(sentences, np.random.default_rng(0))
    files = []
    for number in range(_FILES):
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < _SECONDS * _RATE:
            parts += [next(drawn), _PAUSE]
        files.append((f"{number:02d}", np.concatenate(parts)[: _SECONDS * _RATE]))
    return files


def _endless(sentences: list[np.ndarray], generator: np.random.Generator) -> Iterator[np.ndarray]:
    while True:
        yield from (sentences[k] for k in generator.permutation(len(sentences)))


def _all_of(backend: Backend, sounds: Sounds) -> Callable[[], dict[str, str]]:
    list(backend.transcribe([("warm", np.zeros(_RATE, np.float32))]))  # loads the weights
    return lambda: {name: result["text"] for name, result in backend.transcribe(sounds)}


def _row(name: str, ours: tuple[float, float], theirs: tuple[float, float], target: float, note: str = "") -> Row:
    ratio = theirs[1] / ours[1]
    own, other = (_FILES * _SECONDS / seconds for _, seconds in (ours, theirs))
    said = [note] * bool(note) + [f"seconds of sound a second: {own:.1f}, the other {other:.1f}"]
    return Row(name, ours[1], theirs[1], ratio, f">= {target:g}", ratio >= target, note="; ".join(said))
