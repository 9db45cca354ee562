import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.table.labels import check_label_order, label_name, natural_order


@pytest.mark.parametrize(
    "ordered",
    [
        ["A1", "A2", "B1_1", "B1_2", "B2", "native"],
        ["A2", "B1_1", "B1_2", "B2", "Native"],
        ["1", "2", "3", "10"],
        ["-2", "-1", "0", "1", "1.25", "1.5", "+2"],
        ["level 9", "Level 10", "level 11"],
        ["A1", "a1", "A2"],
        ["1", "2", "2b", "10a"],
        ["1_1", "1_2", "2_1", "10_1"],
    ],
)
def test_labels_are_sorted_as_a_person_would(ordered):
    for seed in range(5):
        shuffled = random.Random(seed).sample(ordered, len(ordered))
        assert natural_order(shuffled) == ordered


@given(st.sets(st.text()))
def test_any_labels_can_be_sorted_and_the_order_is_total(labels):
    assert natural_order(labels) == natural_order(sorted(labels, reverse=True))
    assert set(natural_order(labels)) == labels


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (" B1\u00a0", "B1"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (True, "true"),
        ("3.0", "3.0"),
        ("  ", None),
        ("", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_a_label_is_named_as_in_a_text_file(value, name):
    assert label_name(value) == name


def test_given_numbers_become_names():
    assert check_label_order((1, 2.0, "3 ")) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("label_order", "error", "message"),
    [
        ("A1,A2", TypeError, r"label_order='A1,A2' must be a list of names"),
        ({"A1", "A2"}, TypeError, "must be a list of names"),
        (["A1", "A2", "A1 "], ValueError, "contains 'A1' twice"),
        (["A1"], ValueError, "at least two labels"),
        ([], ValueError, "at least two labels"),
        (["A1", " "], ValueError, "contains an empty name"),
    ],
)
def test_a_bad_order_gives_a_sentence(label_order, error, message):
    with pytest.raises(error, match=message):
        check_label_order(label_order)
