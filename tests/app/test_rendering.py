"""Results as HTML."""

from html.parser import HTMLParser

import pytest

from blv_trainer.app import rendering
from blv_trainer.app.assessor import refused
from blv_trainer.asr.checks import REASONS
from blv_trainer.asr.speech import REFUSALS

EVIL = '</p><script>alert("1")</script><img src=x onerror=alert(2)>'
SEEN = {"transcript": "I think so.", "level": "B1", "expected_score": 1.25, "warnings": [], "refusal": None}


def result(**changes):
    return {**SEEN, "scores": {"A2": 0.1, "B1": 0.55, "B2": 0.35}, **changes}


class Tags(HTMLParser):
    """Counts tags and collects text; fails on tags that do not close."""

    def __init__(self, html):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_levels_stand_in_their_order_with_their_share():
    html = rendering.render_result(result(), whisper_name="base")
    text = Tags(html).text
    assert text.index("A2") < text.index("55 %") < text.index("35 %")
    assert "Most likely level: B1" in text
    assert "Expected score 1.25 on a scale from 0 (A2) to 2 (B2)" in text
    assert "width: 55.0%" in html
    assert html.count('class="chosen"') == 1


def test_whatever_is_foreign_is_escaped():
    hostile = [
        result(transcript=EVIL, level=EVIL, scores={EVIL: 0.6, "B2": 0.4}),
        result(transcript=EVIL, duration_s=61.0, speech_s=40.0),
        refused("unreadable", EVIL),
    ]
    for shown in (
        *(rendering.render_result(each, whisper_name=EVIL) for each in hostile),
        rendering.render_introduction(EVIL, EVIL, [EVIL, EVIL]),
    ):
        parsed = Tags(shown)
        assert not {"script", "img"} & set(parsed.seen)
        assert EVIL in parsed.text


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_shows_its_sentence_and_no_bars(reason):
    html = rendering.render_result(refused(reason, "It was not to be."), whisper_name="base")
    assert "No estimate this time. It was not to be." in Tags(html).text
    assert "bars" not in html


def test_warnings_are_told_in_words():
    text = Tags(rendering.render_result(result(warnings=["repetition"]), whisper_name="base")).text
    assert f"Take this estimate with care: {REASONS['repetition']}." in text


def test_the_page_says_what_the_model_cannot_know():
    text = Tags(rendering.render_cannot_know(512)).text
    for part in (
        "whole speakers",
        "the words that Whisper wrote",
        "unlike its training data",
        "Do not use it for grades",
    ):
        assert part in text
    assert "the first 380 words" in text
