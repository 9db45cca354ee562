"""What the page is given, and what it refuses."""

import numpy as np
import pytest
import soundfile
from transformers import pipeline

from blv_trainer.app.assessor import Assessor, Limits, lasts_longer


@pytest.fixture(scope="module")
def assessor(classifier, whisper_checkpoint):
    return Assessor(
        classifier,
        whisper_model=whisper_checkpoint,
        limits=Limits(max_characters=100, max_seconds=15, max_megabytes=0.5),
    )


def test_a_text_gets_the_level_of_the_text_pipeline(assessor, classifier, levels):
    text = "I think part time jobs are good."
    result = assessor.read(f"  {text}\n")
    best = pipeline("text-classification", model=classifier)(text)[0]
    assert result["transcript"] == text
    assert result["level"] == best["label"]
    assert result["scores"][best["label"]] == pytest.approx(best["score"], abs=1e-5)
    assert list(result["scores"]) == levels == assessor.levels


def test_a_recording_gets_its_transcript_and_a_level(assessor, make_wav, said, tmp_path):
    path = tmp_path / "answer.wav"
    path.write_bytes(make_wav(12, sampling_rate=8_000))
    result = assessor.listen(str(path))
    assert result["transcript"] == said
    assert result["speech_s"] == pytest.approx(9)
    assert result["scores"] == pytest.approx(assessor.read(said)["scores"])


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("", "empty", "There is no text yet"),
        (" \n ", "empty", "There is no text yet"),
        (None, "empty", "There is no text yet"),
        ("a" * 101, "too_long", "The text has 101 characters; at most 100 are read"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused(assessor, text, reason, message):
    result = assessor.read(text)
    assert result["refusal"]["reason"] == reason
    assert message in result["refusal"]["message"]
    assert result["level"] is None


def test_a_recording_that_cannot_be_heard_is_refused(assessor, make_wav, tmp_path):
    path = tmp_path / "answer.wav"
    assert assessor.listen(None)["refusal"]["reason"] == "empty"
    path.write_bytes(b"no sound at all")
    refusal = assessor.listen(str(path))["refusal"]
    assert refusal["reason"] == "unreadable"
    assert "answer.wav is not a sound" in refusal["message"]
    assert str(tmp_path) not in refusal["message"]
    path.write_bytes(make_wav(15.5))
    assert assessor.listen(str(path))["refusal"]["reason"] == "too_long"
    path.write_bytes(make_wav(40))
    assert assessor.listen(str(path))["refusal"]["reason"] == "too_large"


def test_length_is_that_of_the_sound_not_of_the_file_or_its_header(tmp_path):
    path = tmp_path / "minute.flac"
    soundfile.write(path, np.zeros(16_000 * 60, "int16"), 16_000)
    assert path.stat().st_size < 20_000  # a minute of silence takes little
    assert lasts_longer(str(path), 59.9)
    assert not lasts_longer(str(path), 60)
    content = bytearray(path.read_bytes())
    content[22:26] = (16_000 * 3_600).to_bytes(4, "big")  # the number of samples: an hour of them
    path.write_bytes(content)
    assert soundfile.info(path).duration > 3_000
    assert not lasts_longer(str(path), 61)


def test_what_is_no_sound_is_not_long(tmp_path):
    for name in ("a.wav", "a.raw"):
        (tmp_path / name).write_bytes(b"nothing")
        assert not lasts_longer(str(tmp_path / name), 1)


@pytest.mark.parametrize("name", ["max_characters", "max_seconds", "max_megabytes"])
def test_limits_that_let_nothing_through_are_named(name):
    with pytest.raises(ValueError, match=f"{name}=0 lets nothing through: give a number above 0"):
        Limits(**{name: 0})
