"""Transcripts that deserve a look, and those that hold too little speech to be judged by."""

import pytest
from whisper.utils import compression_ratio

from blv_trainer.asr.transcript_quality import REASONS, judge, language_name, longest_repetition, measures, suspicions

PLAIN = {"no_speech_prob": 0.1, "avg_logprob": -0.3, "tokens": [1] * 5}
SOUND = {
    "text": "it is important for college students to have a part time job because they learn about money " * 2,
    "segments": [PLAIN],
    "duration_s": 20.0,
    "language": "en",
    "audio_notes": [],
}
CHANGES = {
    "no_speech": [{"text": ""}, {"segments": [{**PLAIN, "no_speech_prob": 0.9, "avg_logprob": -1.5}]}],
    "unsure": [{"segments": [{**PLAIN, "avg_logprob": -1.1}]}],
    "repetition": [
        {"text": "so I think " * 4 + "that smoking is bad for all of us"},
        {"text": " ".join(["smoking is bad for us", "it is bad for us smoking"] * 6), "duration_s": 30.0},
    ],
    "implausible_speed": [{"duration_s": 5.0}, {"duration_s": 500.0}],
    "other_language": [{"language": "cy"}],
    "audio": [{"audio_notes": ["truncated: 3.0 of 60.0 s read"]}, {"audio_notes": ["clipped", "silent"]}],
}
assert CHANGES.keys() == REASONS.keys()


@pytest.mark.parametrize(("reason", "change"), [(r, change) for r, changes in CHANGES.items() for change in changes])
def test_each_reason_is_found_alone(reason, change):
    assert suspicions({**SOUND, **change}) == [reason]


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_a_sound_transcript_is_not_suspicious_nor_what_is_not_known_of_it(unknown):
    assert suspicions(SOUND) == []
    assert suspicions({**SOUND, "language": "cy"}, language=None) == []
    unmeasured = {**PLAIN, "no_speech_prob": unknown, "avg_logprob": unknown}
    assert suspicions({**SOUND, "segments": [PLAIN, unmeasured]}) == []


@pytest.mark.parametrize(
    ("text", "times"),
    [("", 0), ("yes", 1), ("yes no yes no", 2), ("a b c a b c a b c d", 3), ("No no NO", 3), ("a b b c c c", 3)],
)
def test_the_longest_repetition_is_counted(text, times):
    assert longest_repetition(text) == times


def test_measures_of_segments_are_weighted_by_their_tokens():
    segments = [
        {"tokens": [1] * 3, "avg_logprob": -0.2, "no_speech_prob": 0.1},
        {"tokens": [1] * 1, "avg_logprob": -0.8, "no_speech_prob": 0.4},
    ]
    measured = measures("one two three", segments)
    assert measured["avg_logprob"] == pytest.approx((4 * -0.2 + 2 * -0.8) / 6)
    assert measured["no_speech_prob"] == 0.4


def test_the_compression_ratio_is_upstreams():
    for text in ("Yes.", "so I think " * 20, "ünï"):
        assert measures(text, [])["compression_ratio"] == compression_ratio(text)
    assert measures("", [])["compression_ratio"] == 0


# ---- Seconds of speech


def row(*segments):
    said = [{"text": text, "start": start, "end": end, **PLAIN, **more} for text, start, end, more in segments]
    return {"duration_s": 30.0, "segments": said, "language": "en"}


@pytest.mark.parametrize(
    ("segments", "seconds"),
    [
        ([], 0.0),
        ([(" I think that jobs are good.", 1.0, 5.0, {}), (" And they pay well.", 9.0, 12.5, {})], 7.5),
        ([(" I think that jobs are good.", 26.0, 36.0, {})], 4.0),  # the recording ends at 30 s
        ([(f" {'I think that jobs are good.' * 5}", 0.0, 29.0, {})] * 3, 30.0),  # no more than the recording
        ([(" ", 0.0, 9.0, {})], 0.0),
        ([(" I think that jobs are good.", 0.0, 9.0, {"no_speech_prob": 0.7, "avg_logprob": -1.2})], 0.0),
        ([(" I think that jobs are good.", 0.0, 9.0, {"no_speech_prob": 0.7, "avg_logprob": -0.2})], 9.0),
        ([(" you", 0.0, 29.0, {})], 1.2),  # three letters, 0.4 s each
        ([(" I think that jobs are good.", 5.0, 4.0, {})], 0.0),
    ],
)
def test_seconds_are_those_of_segments_that_are_speech(segments, seconds):
    assert judge(row(*segments))[0] == pytest.approx(seconds)


def test_shortness_is_named_before_a_language_guessed_from_it():
    said = {**row((" Yes I do like it.", 0.0, 2.0, {})), "language": "cy"}
    assert judge(said)[1]["reason"] == "too_short"
    assert judge(said, min_speech_s=1.0)[1]["reason"] == "other_language"


def test_an_unknown_language_is_named():
    assert language_name("ja") == "Japanese"
    with pytest.raises(ValueError, match="'English' is no language code"):
        language_name("English")
