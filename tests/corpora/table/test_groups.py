"""Rows of one speaker stay together; what has no speaker is counted; speakers in two splits are counted."""

import csv
import logging
from collections import Counter

import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given, settings
from hypothesis import strategies as st

from blv_trainer.corpora import groups_of, leaking_groups, load_table, load_texts
from blv_trainer.corpora.table.groups import hold_out


def write_csv(path, rows, header=("text", "label", "speaker")):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def answers(speakers_of_label, answers_each=4):
    """Rows of distinct texts; ``speakers_of_label[label]`` speakers of each label."""
    return [
        (f"{label}: {speaker} says {answer}", label, f"{label}_{speaker}")
        for label, count in speakers_of_label.items()
        for speaker in range(count)
        for answer in range(answers_each)
    ]


# The group of each row


def test_a_group_is_the_same_whether_a_file_has_it_as_a_number_or_as_text():
    numbers = Dataset.from_dict({"text": list("abc"), "learner": [7.0, None, 8.5]})
    texts = Dataset.from_dict({"text": list("abc"), "learner": ["7", "  ", " 8.5 "]})
    assert groups_of(numbers, "learner") == groups_of(texts, "learner") == ["7", "b", "8.5"]


def test_rows_without_a_group_are_groups_by_themselves_and_copies_of_a_text_are_one():
    rows = Dataset.from_dict({"text": ["Yes.", "Yes.", "No."], "speaker": [None, "", "S1"]})
    assert groups_of(rows, "speaker") == ["Yes.", "Yes.", "S1"]
    assert groups_of(rows, None) == ["Yes.", "Yes.", "No."]


# The column in use


def test_the_column_given_or_else_speaker_is_in_use_and_kept_as_any_other(tmp_path):
    path = write_csv(tmp_path / "x.csv", answers({"A2": 3, "B1": 3}))
    found = load_table(path, validation_fraction=0)
    assert found.group_column == "speaker"
    assert found.dataset["train"]["speaker"][3:5] == ["A2_0", "A2_1"]
    assert load_table(path, text_column="speaker", validation_fraction=0).group_column is None
    assert load_texts(path).group_column == "speaker"
    given = load_texts(path, group_column="label")
    assert (given.group_column, given.dataset["label"][:5]) == ("label", ["A2"] * 5)
    assert load_texts(path, text_column="speaker").group_column is None


def test_a_column_given_must_be_in_every_file(tmp_path):
    train = write_csv(tmp_path / "train.csv", answers({"A2": 3, "B1": 3}))
    test = write_csv(tmp_path / "test.csv", answers({"A2": 3, "B1": 3}), ("text", "label", "Speaker"))
    with pytest.raises(ValueError, match=r"test\.csv has no group column 'speaker'.*Did you mean 'Speaker'"):
        load_table(train, test_file=test, group_column="speaker")
    with pytest.raises(ValueError, match=r"test\.csv has no group column 'speaker'"):
        load_texts(test, group_column="speaker")
    data = load_table(train, test_file=test)
    assert data.group_column is None
    assert "Rows are not grouped by the column 'speaker', which test lacks." in data.notes


def test_rows_without_a_group_stay_and_are_counted_in_a_note(tmp_path):
    rows = [*answers({"A2": 10, "B1": 10}), ("I am nobody", "A2", " "), ("Nor am I", "B1", "")]
    path = write_csv(tmp_path / "x.csv", rows)
    data = load_table(path)
    assert sum(data.dataset.num_rows.values()) == 82
    assert data.notes[1].startswith("2 of 82 train rows have an empty cell in the column 'speaker'")
    (note,) = load_texts(path).notes
    assert note.startswith("2 of 82 rows have an empty cell in the column 'speaker'")
    assert note.endswith("each is a group by itself.")


# Rows held out


def test_whole_speakers_are_held_out_a_tenth_of_each_level_whatever_the_order_of_rows(tmp_path):
    rows = answers({"A2": 20, "B1": 40, "B2": 10})
    held = []
    for seed, order in ((1, 1), (1, -1), (2, 1)):
        data = load_table(write_csv(tmp_path / "x.csv", rows[::order]), seed=seed)
        train, validation = data.dataset["train"], data.dataset["validation"]
        held.append(set(validation["speaker"]))
        assert not held[-1] & set(train["speaker"])
        assert Counter(name.split("_")[0] for name in held[-1]) == {"A2": 2, "B1": 4, "B2": 1}
        assert (train.num_rows, validation.num_rows) == (252, 28)  # all four answers of each
        assert data.notes[-1].startswith(
            "No validation split was given: 28 of 280 training rows, all those of 7 of 70 speakers, are held"
        )
    assert held[0] == held[1] != held[2]


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=60),
    fraction=st.sampled_from([0.05, 0.1, 0.2, 1 / 3]),
    seed=st.integers(0, 5),
)
def test_no_group_is_torn_apart_and_every_label_stays_in_train_even_where_groups_have_several(rows, fraction, seed):
    rows = [*rows, *((label, 16 + speaker) for label in (0, 1) for speaker in range(40))]
    columns = {"text": [f"text {i}" for i in range(len(rows))], "label": [label for label, _ in rows]}
    dataset = Dataset.from_dict({**columns, "learner": [speaker for _, speaker in rows]})
    held = hold_out(dataset, "learner", fraction, seed, [])
    sides = {(speaker, side) for (_, speaker), side in zip(rows, held.tolist(), strict=True)}
    assert len(sides) == len({speaker for _, speaker in rows})
    assert {label for (label, _), side in zip(rows, held, strict=True) if not side} == {label for label, _ in rows}
    assert np.any(held)


def test_too_few_speakers_to_hold_one_out_give_a_sentence(tmp_path):
    path = write_csv(tmp_path / "x.csv", answers({"A2": 1, "B1": 1}))
    with pytest.raises(ValueError, match=r"0\.1 of 8 training rows leaves no row.*\(rows with the same 'speaker' stay"):
        load_table(path)


# Groups in two splits


def test_speakers_of_train_in_another_split_are_counted_in_a_warning_and_a_note(tmp_path, caplog):
    train = write_csv(tmp_path / "train.csv", answers({"A2": 10, "B1": 10}))
    others = [(f"other {text}", label, speaker) for text, label, speaker in answers({"A2": 15, "B1": 4})]
    test = write_csv(tmp_path / "test.csv", [*others, ("I am nobody", "A2", "")])
    validation = write_csv(tmp_path / "validation.csv", [("I am new", "B1", "B1_10"), ("So am I", "B1", "B1_11")])
    with caplog.at_level(logging.WARNING):
        data = load_table(train, validation, test_file=test)
    assert data.notes[-1] == ("14 of 19 test speakers are in train as well: the scores say little about new speakers.")
    assert caplog.messages == [data.notes[-1]]


def test_groups_of_another_column_are_named_by_it():
    splits = {"train": [1, 2, None], "validation": ["3", None, "2"], "test": ["4", None, "5"]}
    dataset = DatasetDict({split: Dataset.from_dict({"school": own}) for split, own in splits.items()})
    assert leaking_groups(dataset, "school") == [
        "1 of 2 validation groups (school) are in train as well: the scores say little about new groups."
    ]
    assert leaking_groups(dataset, None) == []
