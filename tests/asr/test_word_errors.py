import functools
import math
import random

from blv_trainer.asr.word_errors import WordErrors, edit_distance, word_errors_by


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
    drawn = [[rng.choices("abcd", k=rng.randrange(12)) for _ in range(2)] for _ in range(200)]
    for reference, hypothesis in [*drawn, ["", ""], ["abc", ""], ["", "ab"], ["abc", "abc"]]:
        assert edit_distance(reference, hypothesis) == plain_distance(reference, hypothesis)


def word_errors(reference, hypothesis):
    return word_errors_by([{"text_human": reference, "text": hypothesis}], columns=())["all"]["all"]


def test_a_rate_worked_by_hand():
    # Reference: 6 words. One substituted, one deleted, two inserted.
    errors = word_errors("people should not smoke in restaurants", "people shall not smoke restaurants at all")
    assert errors == WordErrors(errors=4, words=6, texts=1)
    assert errors.rate == 4 / 6


def test_case_punctuation_fillers_and_numerals_are_no_errors():
    assert word_errors("Uh, I don't have twenty DOLLARS.", "i do not have $20").errors == 0


def test_groups_add_up_to_all_and_errors_are_summed_before_they_are_divided():
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
    assert table["all"]["all"].rate == 3 / 9


def test_the_rate_without_words_is_nan():
    assert math.isnan(word_errors_by([])["all"]["all"].rate)
    assert math.isnan(word_errors("", "so").rate)
