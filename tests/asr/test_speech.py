"""Seconds of speech in a transcript."""

import pytest

from blv_trainer.asr.speech import judge, language_name, speech_seconds

PLAIN = {"no_speech_prob": 0.1, "avg_logprob": -0.3, "compression_ratio": 1.2}


def row(*segments, duration_s=30.0):
    said = [{"text": text, "start": start, "end": end, **PLAIN, **more} for text, start, end, more in segments]
    return {"duration_s": duration_s, "segments": said, "language": "en"}


@pytest.mark.parametrize(
    ("segments", "seconds"),
    [
        ([], 0.0),
        ([(" I think that jobs are good.", 1.0, 5.0, {}), (" And they pay well.", 9.0, 12.5, {})], 7.5),
        ([(" I think that jobs are good.", 26.0, 36.0, {})], 4.0),  # the recording ends at 30 s
        ([(" ", 0.0, 9.0, {})], 0.0),
        ([(" I think that jobs are good.", 0.0, 9.0, {"no_speech_prob": 0.7, "avg_logprob": -1.2})], 0.0),
        ([(" I think that jobs are good.", 0.0, 9.0, {"no_speech_prob": 0.7, "avg_logprob": -0.2})], 9.0),
        ([(" you", 0.0, 29.0, {})], 1.2),  # three letters, 0.4 s each
        ([(" I think that jobs are good.", 5.0, 4.0, {})], 0.0),
    ],
)
def test_seconds_are_those_of_segments_that_are_speech(segments, seconds):
    assert speech_seconds(row(*segments)) == pytest.approx(seconds)


def test_overlapping_segments_give_no_more_than_the_recording():
    segments = [(" I think that jobs are good.", 0.0, 6.0, {})] * 3
    assert speech_seconds(row(*segments, duration_s=6.0)) == 6.0


def test_shortness_is_named_before_a_language_guessed_from_it():
    said = {**row((" Yes I do like it.", 0.0, 2.0, {})), "language": "cy"}
    assert judge(said)[1]["reason"] == "too_short"
    assert judge(said, min_speech_s=1.0)[1]["reason"] == "other_language"


def test_an_unknown_language_is_named():
    assert language_name("ja") == "Japanese"
    with pytest.raises(ValueError, match="'English' is no language code"):
        language_name("English")
