"""The exactness of ``tiny``'s own size, option by option; minutes of work."""

import pytest
import whisper

from blv_trainer.asr.batch_size import BatchSize
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_windows import transcribe_in_flight

pytestmark = pytest.mark.slow

DURATIONS = (31.5, 12.0, 4.0)  # seconds
DECODERS = {
    "8 rows": lambda model: RowDecoder(model, 8),
    "2 rows": lambda model: RowDecoder(model, 2),
    "batches of 4": lambda model: BatchDecoder(model, BatchSize(4, limit=4)),
}
OPTIONS = {
    "greedy": {},
    "language detected": {"language": None},
    "initial prompt, carried": {"initial_prompt": "Jobs.", "carry_initial_prompt": True},
    "clips": {"clip_timestamps": "0.5,3,3.5"},
    "no timestamps": {"without_timestamps": True},
    "word timestamps": {"word_timestamps": True},
    "silence skipped in words": {"word_timestamps": True, "hallucination_silence_threshold": 2.0},
    "conditioned on the text before": {"condition_on_previous_text": True},
    "translation, nothing suppressed": {"task": "translate", "suppress_tokens": "", "suppress_blank": False},
}


@pytest.fixture(scope="module")
def tiny(make_whisper):
    return make_whisper(width=384, layers=4, heads=6, likelier={"eot": 12.0, "timestamps": 5.0, "no_speech": 0.0})


@pytest.fixture(scope="module")
def files(make_noise):
    return [(str(seed), make_noise(duration, seed)) for seed, duration in enumerate(DURATIONS)]


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_decoder_gives_what_each_file_gives_alone(tiny, files, options):
    options = {"language": "en", "temperature": 0.0, "fp16": False, "condition_on_previous_text": False, **options}
    options["sample_len"] = 32  # for weights that seldom end a text
    expected = {name: whisper.transcribe(tiny, samples, **options) for name, samples in files}
    for make_decoder in DECODERS.values():
        outcomes = dict(transcribe_in_flight(files, make_decoder(tiny), tiny, **options))
        for name, result in expected.items():
            outcome = outcomes[name]
            assert (outcome["text"], outcome["language"]) == (result["text"], result["language"])
            for segment, other in zip(outcome["segments"], result["segments"], strict=True):
                for key in ("seek", "start", "end", "tokens", "temperature"):
                    assert segment[key] == other[key]
                assert segment["avg_logprob"] == pytest.approx(other["avg_logprob"], abs=1e-4)
                assert segment["no_speech_prob"] == pytest.approx(other["no_speech_prob"], abs=1e-4)
                for word, other_word in zip(segment.get("words", []), other.get("words", []), strict=True):
                    assert (word["word"], word["start"], word["end"]) == tuple(
                        other_word[key] for key in ("word", "start", "end")
                    )


def test_the_model_ends_texts_at_different_lengths(tiny, files):
    options = {"language": "en", "temperature": 0.0, "fp16": False, "sample_len": 32}
    segments = [segment for _, samples in files for segment in whisper.transcribe(tiny, samples, **options)["segments"]]
    assert len({len(segment["tokens"]) for segment in segments}) > 1
