"""Speech to a level: the task ``speaking-assessment`` of ``transformers.pipeline``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from os import PathLike
from typing import Any, overload

import numpy as np
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.pipelines.base import Pipeline

from blv_trainer.asr import (
    MIN_SPEECH_S,
    Audio,
    AudioError,
    Backend,
    build_backend,
    judge,
    language_name,
    load_audio,
    suspicions,
)

TASK = "speaking-assessment"

_CALL_PARAMETERS = ("expected_language", "min_speech_s", "max_length")
_NO_SOUND = Audio(np.empty(0, np.float32))
_SILENCE: dict[str, Any] = {"text": "", "segments": [], "language": None}
_Assessed = tuple[dict[str, Any], dict[str, Any] | None]  # one recording, and what the classifier says of it


class SpeakingAssessmentPipeline(Pipeline):
    """Recordings in; transcript, level, probabilities and expected score out, or a reason why there is no level.

    Whisper transcribes many recordings at a time, the classifier reads the transcripts. No level is given for a
    recording that cannot be read, for silence, for less than ``min_speech_s`` seconds of speech as
    ``blv_trainer.asr.judge`` measures it, and for another language than the expected one. Several recordings of one
    person are pooled to one level, which is surer than that of a single answer.

    Args:
        model: A sequence classifier, labels lowest first.
        tokenizer: Its tokenizer; ``pipeline(...)`` loads it.
        whisper_model: Name of a Whisper model or path of a checkpoint; best the one that wrote the transcripts of the
            training data.
        backend: A name that ``build_backend`` knows, or any object with its interface; then ``whisper_model`` and
            ``whisper_options`` are not used.
        whisper_options: Of the backend, such as ``batch_size``, or ``{"language": "en"}`` to take the language as known
            where strong accents make Whisper hear another.
        expected_language: Code of the language that the classifier knows; None accepts all; default: that of
            ``whisper_options``, else "en". Whisper models that end in ``.en`` take everything for English.
        min_speech_s: Seconds of speech below which no level is given.
        max_length: Tokens after which a transcript is cut; default: what the classifier takes.
        **kwargs: Of ``transformers.Pipeline``: ``device``, ``batch_size`` (transcripts in one forward pass) ...

    Raises:
        ValueError: An unknown Whisper model, option, or language; a model without classes; no tokenizer.
        TypeError: An unknown parameter.

    Examples:
        A recording from a microphone, 48 kHz, and a file, one dictionary each (after ``import blv_trainer``)::

            assess = transformers.pipeline("speaking-assessment", model="user/name", whisper_model="large-v2")
            assess([{"raw": samples, "sampling_rate": 48_000}, "answer.mp3"])
            assess({"recordings": ["part_1.wav", "part_2.wav"]})["level"]  # of one person
    """

    _registered_impl: dict[str, Any]  # set by register_pipeline
    tokenizer: PreTrainedTokenizerBase

    _load_tokenizer = True
    _load_processor = _load_feature_extractor = _load_image_processor = _load_video_processor = False

    def __init__(
        self,
        *args: Any,
        whisper_model: str = "large-v2",
        backend: str | Backend = "openai-whisper",
        whisper_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        if language := (whisper_options or {}).get("language"):
            kwargs.setdefault("expected_language", language)
        super().__init__(*args, **kwargs)
        if self.tokenizer is None:
            raise ValueError("speaking assessment needs the classifier's tokenizer: give tokenizer=.")
        if (self.model.config.num_labels or 0) < 2:
            raise ValueError("speaking assessment needs a classifier with two levels or more; this one is a regressor.")
        self.whisper_model = whisper_model
        if isinstance(backend, str):
            device = str(self.device) if self.device.type == "cuda" else "cpu"  # Whisper runs on no others
            backend = build_backend(backend, whisper_model, **{"device": device, **(whisper_options or {})})
        self.backend = backend

    @overload
    def __call__(self, inputs: str | PathLike | bytes | Mapping[str, Any], **kwargs: Any) -> dict[str, Any]: ...
    @overload
    def __call__(self, inputs: list, **kwargs: Any) -> list[dict[str, Any]]: ...
    @overload
    def __call__(self, inputs: Any, **kwargs: Any) -> Any: ...
    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """Assess recordings.

        Args:
            inputs: A path, the bytes of a file, ``{"raw" or "array": samples, "sampling_rate": Hz}``, one person's
                ``{"recordings": [...]}``, a list of such, or a list of them; a generator or a dataset gives an
                iterator, in order.
            **kwargs: ``expected_language``, ``min_speech_s``, ``max_length``, ``batch_size`` for this call.

        Returns:
            For each recording ``transcript``, ``level``, ``scores`` (probability of each level, lowest level first),
            ``expected_score`` (as of ``prediction_table``), ``duration_s``, ``speech_s``, ``language``,
            ``warnings`` (keys of ``blv_trainer.asr.REASONS``) and ``refusal``: None, or ``{"reason": "unreadable" |
            "silence" | "too_short" | "other_language", "message": a sentence}`` where there is no level.

            For each person ``level``, ``scores`` and ``expected_score`` of the pooled answers, ``num_answers`` (those
            with a level; where there is none, the too short ones if they last ``min_speech_s`` together), ``answers``
            (what each recording gives by itself) and ``refusal``: None, or the first recording's, with all messages.

        Raises:
            FileNotFoundError: There is no such file.
            TypeError, ValueError: The input is none of the above, an array without its sampling rate, or a person
                without recordings.
        """
        return [] if isinstance(inputs, list) and not inputs else super().__call__(inputs, **kwargs)

    def assess_text(self, text: str) -> dict[str, Any]:
        """What the classifier says of a text, as if it were a transcript: the same keys, none about sound."""
        [prediction] = self.forward({"texts": [text]}, **self._forward_params)
        return {"transcript": text, **_as_scores(prediction), "warnings": [], "refusal": None}

    def _sanitize_parameters(self, **parameters: Any) -> tuple[dict, dict, dict]:
        if unknown := parameters.keys() - _CALL_PARAMETERS:
            raise TypeError(
                f"{', '.join(sorted(unknown))}: unknown to {TASK}. Choose from: {', '.join(_CALL_PARAMETERS)}."
            )
        if parameters.get("expected_language") is not None:
            language_name(parameters["expected_language"])
        forward = {name: value for name, value in parameters.items() if name == "max_length"}
        return {}, forward, {name: value for name, value in parameters.items() if name not in forward}

    def get_iterator(
        self, inputs: Iterable[Any], num_workers: int, batch_size: int, *params: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """Assess a stream, in order: Whisper draws recordings as it has room, its transcripts are read in batches."""
        counts: deque[int | None] = deque()
        assessed, options = self._assess(_recordings(inputs, counts), batch_size, *params[1:]), params[1] | params[2]
        for first in assessed:
            count = counts.popleft()
            yield first[0] if count is None else self._as_one([first, *islice(assessed, count - 1)], **options)

    def _assess(
        self, recordings: Iterable[Any], batch_size: int, forward_params: dict, postprocess_params: dict
    ) -> Iterator[_Assessed]:
        """What is known of each recording, and what the classifier says of its transcript: None where it is refused."""
        transcripts = self._transcripts(map(self.preprocess, recordings))
        while batch := list(islice(transcripts, batch_size)):
            for transcript in batch:
                transcript["speech_s"], transcript["refusal"] = judge(transcript, **postprocess_params)
            texts = [transcript["text"] for transcript in batch if transcript["refusal"] is None]
            predictions = iter(self.forward({"texts": texts, "batch_size": batch_size}, **forward_params))
            for transcript in batch:
                prediction = None if transcript["refusal"] else next(predictions)
                yield self.postprocess({**transcript, "prediction": prediction}, **postprocess_params), prediction

    def run_single(self, inputs: Any, *params: dict[str, Any]) -> dict[str, Any]:
        """Assess one recording, or one person."""
        return next(self.get_iterator([inputs], 0, 1, *params))

    def preprocess(self, input_: Any) -> Audio | AudioError:
        """A recording as Whisper wants it, or why it cannot be read; what is so already stays."""
        if isinstance(input_, Audio | AudioError):
            return input_
        try:
            if isinstance(input_, Mapping):
                return _load_samples(input_)
            if isinstance(input_, (str, PathLike, bytes, bytearray)):
                return load_audio(input_)
        except AudioError as error:  # says something of the recording, not of the call
            return error
        raise TypeError(
            f"{TASK} takes a path, bytes, or {{'raw': samples, 'sampling_rate': Hz}}, or a list of them, or one "
            f"person's {{'recordings': [...]}}, not {type(input_).__name__}."
        )

    def _forward(self, model_inputs: dict[str, Any], max_length: int | None = None) -> list[dict[str, Any]]:
        from blv_trainer.prediction import label_names, predict_logits, prediction_table

        logits = predict_logits(self.model, self.tokenizer, **model_inputs, max_length=max_length)
        return prediction_table(logits, label_names(self.model)).to_pylist()

    def postprocess(
        self, model_outputs: dict[str, Any], expected_language: str | None = "en", **_: Any
    ) -> dict[str, Any]:
        """What is known of one recording, as a plain dictionary."""
        return {
            "transcript": model_outputs["text"],
            **_as_scores(model_outputs["prediction"]),
            **{name: model_outputs[name] for name in ("duration_s", "speech_s", "language", "refusal")},
            "warnings": suspicions(model_outputs, language=expected_language if model_outputs["language"] else None),
        }

    def _as_one(
        self, assessed: list[_Assessed], max_length: int | None = None, min_speech_s: float = MIN_SPEECH_S, **_: Any
    ) -> dict[str, Any]:
        """The result of one person, from those of the recordings; of too short ones where these are all there is."""
        from blv_trainer.prediction import group_scores, label_names, prediction_table

        answers = [answer for answer, _ in assessed]
        logits = [prediction["logits"] for _, prediction in assessed if prediction]
        short = [answer for answer in answers if not logits and answer["refusal"]["reason"] == "too_short"]
        if short and sum(answer["speech_s"] for answer in short) >= min_speech_s:
            predictions = self.forward({"texts": [answer["transcript"] for answer in short]}, max_length=max_length)
            logits = [prediction["logits"] for prediction in predictions]
        prediction = refusal = None
        if logits:
            _, pooled = group_scores(logits, [0] * len(logits), self.model.config)
            [prediction] = prediction_table(pooled, label_names(self.model)).to_pylist()
        else:
            messages = dict.fromkeys(answer["refusal"]["message"] for answer in answers)
            refusal = {"reason": answers[0]["refusal"]["reason"], "message": " ".join(messages)}
        return {**_as_scores(prediction), "num_answers": len(logits), "answers": answers, "refusal": refusal}

    def _transcripts(self, sounds: Iterable[Audio | AudioError]) -> Iterator[dict[str, Any]]:
        """What `judge` and `suspicions` take, in the order of the sounds."""
        ready: dict[int, dict[str, Any]] = {}
        in_flight: dict[str, Audio] = {}

        def to_transcribe() -> Iterator[tuple[str, np.ndarray]]:
            for index, audio in enumerate(sounds):
                if isinstance(audio, AudioError):
                    ready[index] = {**_transcript(_SILENCE, _NO_SOUND), "unreadable": str(audio)}
                elif "silent" in audio.notes:
                    ready[index] = _transcript(_SILENCE, audio)
                else:
                    in_flight[str(index)] = audio
                    yield str(index), audio.samples

        position = 0
        files = to_transcribe()
        first = list(islice(files, 1))  # no need to load Whisper where nothing is to be heard
        for name, result in self.backend.transcribe(chain(first, files)) if first else ():
            audio = in_flight.pop(name)
            if isinstance(result, Exception):
                failed = f"{type(result).__name__}: {result}"
                ready[int(name)] = {**_transcript(_SILENCE, audio), "unreadable": f"Whisper fails on it ({failed})."}
            else:
                ready[int(name)] = _transcript(result, audio)
            while position in ready:
                yield ready.pop(position)
                position += 1
        yield from (ready[index] for index in sorted(ready))


def _recordings(inputs: Iterable[Any], counts: deque[int | None]) -> Iterator[Any]:
    """Every recording; how many a person has is appended before the first, None for a recording by itself."""
    for given in inputs:
        if not (isinstance(given, Mapping) and "recordings" in given):
            counts.append(None)
            yield given
            continue
        recordings = given["recordings"]
        if not (isinstance(recordings, list | tuple) and recordings):
            raise ValueError(f"'recordings' of one person must be a list of one or more, not {recordings!r:.80}.")
        counts.append(len(recordings))
        yield from recordings


def _as_scores(prediction: Mapping[str, Any] | None) -> dict[str, Any]:
    if prediction is None:
        return {"level": None, "scores": None, "expected_score": None}
    return {
        "level": prediction["level"],
        "scores": {name[2:]: value for name, value in prediction.items() if name.startswith("p_")},
        "expected_score": prediction["expected_score"],
    }


def _transcript(result: Mapping[str, Any], audio: Audio) -> dict[str, Any]:
    return {**result, "text": result["text"].strip(), "duration_s": audio.duration, "audio_notes": audio.notes}


def _load_samples(sound: Mapping[str, Any]) -> Audio:
    samples = sound.get("raw") if sound.get("raw") is not None else sound.get("array")
    if samples is None or sound.get("sampling_rate") is None:
        raise ValueError(
            f"a dictionary with {', '.join(map(repr, sound)) or 'nothing'} is no sound: it needs 'raw' (or 'array') "
            "with the samples and 'sampling_rate' in Hz."
        )
    return load_audio(np.asarray(samples), sample_rate=sound["sampling_rate"])


PIPELINE_REGISTRY.register_pipeline(
    TASK, SpeakingAssessmentPipeline, pt_model=AutoModelForSequenceClassification, type="multimodal"
)
# With it, save_pretrained would copy this file beside the model and have every reader ask for trust_remote_code.
del SpeakingAssessmentPipeline._registered_impl
