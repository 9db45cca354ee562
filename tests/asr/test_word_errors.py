import functools
import math
import random

import pytest

from blv_trainer.asr.word_errors import WordErrors, edit_distance, word_errors, word_errors_by


def plain_distance(reference, hypothesis):
    """By its definition."""

    @functools.cache
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (reference[i - 1] != hypothesis[j - 1]),
        )

    return distance(len(reference), len(hypothesis))


def test_the_distance_equals_its_definition_on_random_sequences():
    rng = random.Random(0)
    for _ in range(200):
        reference, hypothesis = (rng.choices("abcd", k=rng.randrange(12)) for _ in range(2))
        assert edit_distance(reference, hypothesis) == plain_distance(reference, hypothesis)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "distance"), [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("abc", "abc", 0)]
)
def test_the_distance_of_empty_and_equal_sequences(reference, hypothesis, distance):
    assert edit_distance(reference, hypothesis) == distance


def test_a_rate_worked_by_hand():
    # Reference: 6 words. One substituted, one deleted, two inserted.
    errors = word_errors(["people should not smoke in restaurants"], ["people shall not smoke restaurants at all"])
    assert errors == WordErrors(errors=4, words=6, texts=1)
    assert errors.rate == 4 / 6


def test_case_punctuation_fillers_and_numerals_are_no_errors():
    assert word_errors(["Uh, I don't have twenty DOLLARS."], ["i do not have $20"]).errors == 0


def test_errors_are_summed_before_they_are_divided():
    references, hypotheses = ["one", "students need money for their studies abroad"], ["won", ""]
    errors = word_errors(references, hypotheses)
    assert errors.rate == errors.errors / errors.words == 1.0
    assert errors.texts == 2


def test_groups_add_up_to_all():
    rows = [
        {"text_human": "smoking is bad", "text": "smoking was bad", "label": "A2", "region": "JPN"},
        {"text_human": "I agree", "text": "I agree", "label": "B2", "region": "JPN"},
        {"text_human": "jobs teach a lot", "text": "jobs teach", "label": "A2", "region": "CHN"},
    ]
    table = word_errors_by(rows)
    assert table["label"] == {"A2": WordErrors(3, 7, 2), "B2": WordErrors(0, 2, 1)}
    assert list(table["region"]) == ["CHN", "JPN"]
    for column in ("label", "region"):
        assert sum(table[column].values(), WordErrors()) == table["all"]["all"] == WordErrors(3, 9, 3)


def test_the_rate_without_words_is_nan():
    assert math.isnan(word_errors([], []).rate)
    assert math.isnan(word_errors([""], ["so"]).rate)


def test_unequal_numbers_of_texts_are_named():
    with pytest.raises(ValueError, match="2 references and 1 hypotheses: give one for each"):
        word_errors(["a", "b"], ["a"])


def test_the_rate_is_jiwers():
    jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")
    rng = random.Random(0)
    words = ["students", "work", "a", "part", "time", "job", "and", "smoking", "is", "bad", "because", "they"]
    references = [" ".join(rng.choices(words, k=rng.randrange(1, 60))) for _ in range(50)]
    hypotheses = [" ".join(rng.choice([word, word, "well", ""]) for word in text.split()) for text in references]
    hypotheses[:3] = ["", references[1], references[2] + " too too"]
    from whisper.normalizers import EnglishTextNormalizer

    normalize = EnglishTextNormalizer()
    counted = jiwer.process_words([normalize(text) for text in references], [normalize(text) for text in hypotheses])
    ours = word_errors(references, hypotheses)
    assert ours.rate == pytest.approx(counted.wer, abs=1e-12)
    assert ours.errors == counted.substitutions + counted.deletions + counted.insertions
