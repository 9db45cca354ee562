"""openai-whisper, many files at a time."""

from __future__ import annotations

import dataclasses
import inspect
import os
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import psutil
import torch
import whisper
from whisper.decoding import DecodingOptions
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import LANGUAGES, TO_LANGUAGE_CODE

from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_slots import SlotDecoder
from blv_trainer.asr.whisper_windows import WindowDecoder, transcribe_in_flight
from blv_trainer.checks import did_you_mean
from blv_trainer.files import fingerprint

_PROCESSOR_ROWS = 16  # share one reading of the weights; more gain nothing, for the attention is each row's own
_BATCH, _GPU_LIMIT = 8, 128  # windows, on a processor where beams or samples need batches
_MEMORY_SHARE = 4  # the slots' caches take at most one part in so many of the memory
_SET_HERE = ("verbose", "fp16", "language", "model", "audio", "prompt")


class OpenAIWhisper:
    """Transcribes many files at a time, each as ``whisper.transcribe`` would alone.

    On a processor windows are decoded as rows that come and go one by one, on a GPU or with beam search as batches.
    Text, segments and tokens are those of ``whisper.transcribe(model, audio, condition_on_previous_text=False, ...)``,
    log-probabilities agree to 1e-4 (float32). Above temperature 0 upstream draws from torch's global stream, so that a
    text depends on what was drawn before; here each window has a stream of its own, decided by seed, sound, number of
    the window and temperature, so that it depends on no batch, order, name, resumption or process.
    """

    def __init__(
        self,
        model: str = "large-v2",
        *,
        language: str | None = None,
        batch_size: int | Literal["auto"] = "auto",
        device: str | None = None,
        fp16: bool | None = None,
        seed: int = 0,
        **options: Any,
    ):
        _check_model(model)
        _check_options(options)
        if batch_size != "auto" and not batch_size >= 1:
            raise ValueError(f"batch_size={batch_size} cannot be used: give a number from 1 up, or 'auto'.")
        self.model = os.fspath(model)
        self.device = _usable_device(device)
        if fp16 and self.device.type == "cpu":
            raise ValueError("fp16=True needs a GPU; on a processor leave it out.")
        self.fp16 = self.device.type != "cpu" if fp16 is None else fp16
        self.seed = seed
        self._batch_size = batch_size
        self._options = {"condition_on_previous_text": False, "language": _language_code(language), **options}
        self._loaded: Whisper | None = None

    def describe(self) -> dict[str, Any]:
        """Everything that decides the words: backend, model with the digest of its file, options."""
        return {
            "backend": "openai-whisper",
            "model": self.model,
            "weights": fingerprint(self.model) if _is_file(self.model) else None,  # an official name says which
            "fp16": self.fp16,
            "seed": self.seed,
            **self._options,
        }

    def transcribe(self, files: Iterable[tuple[str, np.ndarray]]) -> Iterator[tuple[str, dict[str, Any] | Exception]]:
        """Transcribes files, in the order in which they finish; one is drawn only when there is room for it."""
        if self._loaded is None:
            loaded, language = load_whisper(self.model, device=self.device), self._options["language"]
            if not loaded.is_multilingual and language not in (None, "en"):
                raise ValueError(f"language={language!r} cannot be used: {self.model} knows English only.")
            self._loaded = loaded
        decoder, options = self._decoder(self._loaded), {"fp16": self.fp16, **self._options}
        yield from transcribe_in_flight(files, decoder, self._loaded, seed=self.seed, **options)

    def _decoder(self, model: Whisper) -> WindowDecoder:
        size = self._batch_size
        one_sample = self._options.get("beam_size") is None and (self._options.get("best_of") or 1) == 1
        if self.device.type == "cpu" and one_sample:
            return RowDecoder(model, _slots_that_fit(model) if size == "auto" else size)
        grows = size == "auto" and self.device.type != "cpu"
        return BatchDecoder(model, _BATCH if size == "auto" else size, limit=_GPU_LIMIT if grows else 1)


def load_whisper(model: str, *, device: str | torch.device = "cpu") -> Whisper:
    """Loads an official model or a checkpoint file; of a file, nothing but weights."""
    try:
        if _is_file(model):
            _check_dimensions(model)
        loaded = whisper.load_model(os.fspath(model), device=device).eval()
        if not all(bool(torch.isfinite(weight).all()) for weight in loaded.state_dict().values()):
            raise ValueError("some of its weights are nan or infinite")
        return loaded
    except Exception as error:  # torch raises whatever the bytes of a damaged file lead it to
        if _is_file(model) and "CUDA" not in str(error):
            raise ValueError(
                f"{model} is no Whisper checkpoint: it must hold 'dims' and 'model_state_dict' and nothing but weights "
                f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no detail'})."
            ) from error
        if isinstance(error, OSError):
            raise OSError(
                f"the weights of {model!r} cannot be fetched ({error}). "
                f"Put them at ~/.cache/whisper/{model}.pt, or give the path of a checkpoint."
            ) from error
        raise


def _is_file(model: str) -> bool:
    return os.fspath(model) not in whisper.available_models() and os.path.isfile(model)  # as whisper.load_model has it


def _check_dimensions(path: str) -> None:
    """Raises unless a checkpoint declares the sizes of its own weights: memory is taken by what it declares."""
    mapped = zipfile.is_zipfile(path)  # the format of old cannot be
    checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    dims, weights = ModelDimensions(**checkpoint["dims"]), checkpoint["model_state_dict"]
    layers = [name.split(".")[0] for name in weights if name.endswith(".mlp.0.weight")]
    audio = *weights["encoder.positional_embedding"].shape, dims.n_audio_head, layers.count("encoder")
    text = *weights["decoder.positional_embedding"].shape, dims.n_text_head, layers.count("decoder")
    mels, vocabulary = weights["encoder.conv1.weight"].shape[1], len(weights["decoder.token_embedding.weight"])
    held = ModelDimensions(mels, *audio, vocabulary, *text)
    if held != dims or dims.n_audio_state % dims.n_audio_head or dims.n_text_state % dims.n_text_head:
        raise ValueError(f"its weights are of {held}, 'dims' says {dims}")


def _check_model(model: str) -> None:
    """Raises unless ``model`` is an official name or the path of a file."""
    names = whisper.available_models()
    if os.fspath(model) in names or os.path.isfile(model):
        return
    if os.path.dirname(model) or os.path.splitext(model)[1] in (".pt", ".pth", ".bin"):
        raise FileNotFoundError(
            f"there is no checkpoint file {model} (looked in {os.path.dirname(os.path.abspath(model))})."
        )
    choices = f"{', '.join(names)}, or a .pt file."
    raise ValueError(f"Whisper model {model!r} is unknown. Choose from: {choices}{did_you_mean(model, names)}")


def _usable_device(given: str | None) -> torch.device:
    gpus = torch.cuda.device_count()
    try:
        device = torch.device(given or ("cuda" if gpus else "cpu"))
    except RuntimeError:
        raise ValueError(
            f"device={given!r} cannot be used: give 'cpu', 'cuda', 'cuda:1' ..., or nothing for a GPU if there is one."
        ) from None
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise ValueError(
            f"device={given!r} cannot be used: torch finds {gpus or 'no'} GPU here. Give another or 'cpu'."
        )
    return device


def _language_code(language: str | None) -> str | None:
    if language is None or language in LANGUAGES:
        return language
    if language.lower() in TO_LANGUAGE_CODE:
        return TO_LANGUAGE_CODE[language.lower()]
    hint = did_you_mean(language, [*LANGUAGES, *TO_LANGUAGE_CODE])
    raise ValueError(
        f"language={language!r} is unknown to Whisper: give a code such as 'en', or None (--language auto) to detect "
        f"it.{hint}"
    )


def _check_options(options: dict[str, Any]) -> None:
    upstream = {name for name, p in inspect.signature(whisper.transcribe).parameters.items() if p.kind != p.VAR_KEYWORD}
    accepted = (upstream | {field.name for field in dataclasses.fields(DecodingOptions)}) - set(_SET_HERE)
    for option in options:
        if option not in accepted:
            hint = did_you_mean(option, accepted) or f" Choose from: {', '.join(sorted(accepted))}."
            raise ValueError(f"option {option!r} of openai-whisper is unknown.{hint}")


def _slots_that_fit(model: Whisper) -> int:
    slots, memory = _PROCESSOR_ROWS, psutil.virtual_memory().total  # bytes
    while slots > 1 and slots * SlotDecoder.bytes_per_slot(model) > memory / _MEMORY_SHARE:
        slots //= 2
    return slots
