import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.icnale.text_cleaning import clean, decode, features

DASH, APOSTROPHE, ELLIPSIS = "\u2013", "\u2019", "\u2026"


@pytest.mark.parametrize(
    ("raw_text", "text"),
    [
        ("\ufeffI agree.", "I agree."),
        ("\n\nI agree.\r\n\r\nReally.\n", "I agree. Really."),
        ("I\u00a0agree \u2003 so", "I agree so"),
        ("I\u200b agree", "I agree"),
        ("don\x92t", f"don{APOSTROPHE}t"),
        ("so\x85", f"so{ELLIPSIS}"),  # str.split would take U+0085 for a line break
        ("so\x81", "so"),
        (f"I {DASH} uh agree [***]...", f"I {DASH} uh agree [***]..."),
        ("", ""),
    ],
)
def test_what_is_no_speech_goes_and_the_rest_stays(raw_text, text):
    assert clean(raw_text) == text


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("keep_breaks", "Uh I, umm, live in [***] well-known ah hmm ..."),
        ("keep_masks", f"Uh I, umm, live {DASH} in well-known ah hmm ..."),
        ("keep_trailing", f"Uh I, umm, live {DASH} in [***] well-known ah hmm"),
        ("keep_fillers", f"I, live {DASH} in [***] well-known ..."),
    ],
)
def test_each_option_removes_its_own_and_nothing_else(option, text):
    raw_text = f"Uh I, umm, live {DASH} in [***] well-known ah hmm ..."
    assert clean(raw_text, **{option: False}) == text


def test_words_that_contain_fillers_stay():
    text = "The umbrella, Utah, human, a-ha and thumb."
    assert clean(text, keep_fillers=False) == text


@pytest.mark.parametrize("filler", ["uh", "um", "uhm", "umm", "ah", "hmm", "Uh", "HMM", "uhmm", "Um,"])
def test_every_filler_is_known(filler):
    assert clean(f"I {filler} agree", keep_fillers=False) == "I agree"


KEEPS = ("keep_breaks", "keep_masks", "keep_trailing", "keep_fillers")


@given(st.text(), st.fixed_dictionaries(dict.fromkeys(KEEPS, st.booleans())))
def test_cleaning_is_one_line_without_controls_and_cleaning_twice_adds_nothing(raw_text, options):
    text = clean(raw_text, **options)
    assert text == " ".join(text.split())
    assert not any(0x80 <= ord(character) < 0xA0 for character in text)
    if all(options.values()):
        assert clean(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"))))
def test_utf_8_with_and_without_bom_is_read_exactly(text):
    assert decode(text.encode("utf-8-sig")) == (text, True)
    if not text.startswith("\ufeff"):
        assert decode(text.encode("utf-8")) == (text, True)


def test_what_is_no_utf_8_is_read_as_windows_1252():
    assert decode(b"caf\xe9 \x81") == ("caf\u00e9 \ufffd", False)


@pytest.mark.parametrize(
    ("raw_text", "found"),
    [
        ("I agree.", []),
        ("I agree.\n", []),  # a line end is no line break within
        ("I\nagree.", ["line breaks"]),
        ("\nI agree.", ["line breaks", "empty first line"]),
        ("don\x92t", ["C1 characters"]),
        (f"I {DASH} agree", ["break marks"]),
        ("a well-known thing", []),
        ("in [***] yes", ["masks"]),
        ("and the...", ["unfinished"]),
        ("I um agree", ["fillers"]),
    ],
)
def test_features_are_named(raw_text, found):
    assert features(raw_text.encode(), raw_text) == found
    assert features(raw_text.encode("utf-8-sig"), raw_text) == ["BOM", *found]
