"""The exactness of ``tiny``'s own size, on longer sounds; minutes of work."""

import pytest
import whisper

from blv_trainer.asr.batch_size import BatchSize
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_windows import transcribe_in_flight

pytestmark = pytest.mark.slow

DURATIONS = (61.0, 33.0, 18.0, 4.0)  # seconds
DECODERS = {
    "8 rows": lambda model: RowDecoder(model, 8),
    "batches of 4": lambda model: BatchDecoder(model, BatchSize(4, limit=4)),
}
OPTIONS = {
    "greedy": {},
    "language detected": {"language": None},
    "initial prompt, carried": {"initial_prompt": "Jobs.", "carry_initial_prompt": True},
    "clips": {"clip_timestamps": "0.5,3,3.5"},
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
    options["sample_len"] = 64
    expected = {name: whisper.transcribe(tiny, samples, **options) for name, samples in files}
    lengths = {len(segment["tokens"]) for result in expected.values() for segment in result["segments"]}
    assert len(lengths) > 1
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
