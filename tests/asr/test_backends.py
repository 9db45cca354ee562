import dataclasses
import sys
import types
from typing import ClassVar

import numpy as np
import pytest

from blv_trainer.asr.backends import BACKENDS, build_backend


@dataclasses.dataclass
class Segment:
    id: int = 1
    seek: int = 0
    start: float = 0.0
    end: float = 1.5
    text: str = " I think so."
    tokens: tuple = (np.int64(286), np.int64(519))
    avg_logprob: float = -0.3
    compression_ratio: float = 0.7
    no_speech_prob: float = 0.01
    words: list | None = None
    temperature: float = 0.0


class FakeModel:
    calls: ClassVar[list] = []

    def __init__(self, *args, **options):
        self.made_with = (args, options)

    def transcribe(self, samples, **options):
        self.calls.append(options)
        if not samples.any():
            raise RuntimeError("nothing to hear")
        return iter([Segment(), Segment(id=2, text=" Yes.")]), types.SimpleNamespace(language="en")


@pytest.fixture
def faster_whisper(monkeypatch):
    """The library's shape: the suite needs neither it nor its weights."""
    library = types.ModuleType("faster_whisper")
    library.WhisperModel, library.BatchedInferencePipeline = FakeModel, FakeModel
    monkeypatch.setitem(sys.modules, "faster_whisper", library)
    monkeypatch.setattr(FakeModel, "calls", [])


@pytest.mark.parametrize("name", BACKENDS)
def test_every_backend_describes_itself(name, faster_whisper):
    description = build_backend(name, "tiny", language="en").describe()
    assert (description["backend"], description["model"], description["language"]) == (name, "tiny", "en")
    assert description["condition_on_previous_text"] is False


def test_faster_whispers_results_come_in_openais_form(faster_whisper):
    backend = build_backend("faster-whisper", "tiny", language="en", batch_size=4)
    results = dict(backend.transcribe([("a", np.ones(9, "float32")), ("b", np.zeros(9, "float32"))]))
    assert results["a"]["text"] == " I think so. Yes."
    assert results["a"]["language"] == "en"
    assert results["a"]["segments"][0]["tokens"] == [286, 519]
    assert isinstance(results["b"], RuntimeError)
    assert FakeModel.calls[0] == {"batch_size": 4, "language": "en", "condition_on_previous_text": False}


def test_a_batch_of_one_goes_without_the_batched_pipeline(faster_whisper):
    list(build_backend("faster-whisper", "tiny", batch_size=1).transcribe([("a", np.ones(9, "float32"))]))
    assert FakeModel.calls == [{"language": None, "condition_on_previous_text": False}]


def test_an_unknown_backend_an_impossible_batch_size_and_a_missing_library_are_named(faster_whisper, monkeypatch):
    with pytest.raises(ValueError, match=r"backend='fast-whisper' is unknown.*Did you mean 'faster-whisper'"):
        build_backend("fast-whisper", "tiny")
    with pytest.raises(ValueError, match="batch_size=0 cannot be used"):
        build_backend("faster-whisper", "tiny", batch_size=0)
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ImportError, match=r'pip install "blv_trainer\[faster\]"'):
        build_backend("faster-whisper", "tiny")
