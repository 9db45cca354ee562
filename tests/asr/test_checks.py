import pytest

from blv_trainer.asr.checks import REASONS, longest_repetition, suspicions

SOUND = {
    "text": "it is important for college students to have a part time job because they learn about money " * 2,
    "duration_s": 20.0,
    "language": "en",
    "compression_ratio": 1.5,
    "no_speech_prob": 0.1,
    "avg_logprob": -0.3,
    "audio_notes": [],
}
CHANGES = {
    "no_speech": [{"text": ""}, {"no_speech_prob": 0.9, "avg_logprob": -1.5}],
    "repetition": [{"compression_ratio": 2.5}, {"text": "so I think " * 4 + "that smoking is bad for all of us"}],
    "implausible_speed": [{"duration_s": 5.0}, {"duration_s": 500.0}],
    "other_language": [{"language": "cy"}],
    "audio": [{"audio_notes": ["truncated: 3.0 of 60.0 s read"]}, {"audio_notes": ["2 channels", "silent"]}],
}


def test_a_sound_transcript_is_not_suspicious():
    assert suspicions(SOUND) == []


def test_every_reason_has_an_example_here():
    assert CHANGES.keys() == REASONS.keys()


@pytest.mark.parametrize(("reason", "change"), [(r, change) for r, changes in CHANGES.items() for change in changes])
def test_each_reason_is_found_alone(reason, change):
    assert suspicions({**SOUND, **change}) == [reason]


def test_numbers_that_a_backend_does_not_give_are_no_reason():
    assert suspicions({**SOUND, "no_speech_prob": None, "avg_logprob": None, "compression_ratio": None}) == []


def test_no_language_is_expected_where_none_is_given():
    assert suspicions({**SOUND, "language": "cy"}, language=None) == []


@pytest.mark.parametrize(
    ("text", "times"),
    [("", 0), ("yes", 1), ("yes no yes no", 2), ("a b c a b c a b c d", 3), ("No no NO", 3), ("a b b c c c", 3)],
)
def test_the_longest_repetition_is_counted(text, times):
    assert longest_repetition(text) == times
