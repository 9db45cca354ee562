import datetime
import logging
import random

import pyarrow as pa
import pytest
from datasets import ClassLabel, Features, List, Value

from blv_trainer.corpora.table.named_columns import pick_columns
from blv_trainer.corpora.table.read import RawTable
from blv_trainer.corpora.table.usable_rows import (
    UnusableRow,
    as_dataset,
    check_label_order,
    natural_order,
    usable_columns,
)


def raw_table(columns, schema=None, unit="line"):
    table = pa.table(columns, schema=schema)
    return RawTable("x.csv", table, range(2, table.num_rows + 2), unit)


def pick(columns, schema=None, text_column="text", label_column="label"):
    return pick_columns(raw_table(columns, schema), text_column, label_column)


MIXED = {
    "text": ["fine", "", " \t\n\u00a0", None, "no label", "other", "also fine", "", "typo", *["more"] * 40],
    "label": ["A1", "A1", "A2", "A1", None, "C9", "A2 ", "C9", "a2", *["A1"] * 40],
}
REASONS = [
    (3, "empty text", ""),
    (4, "empty text", " \t\n\u00a0"),
    (5, "empty text", None),
    (6, "missing label", None),
    (7, "unknown label", "C9"),
    (9, "empty text", ""),
    (10, "unknown label", "a2"),
]


def test_every_unusable_row_is_listed_and_one_warning_counts_them_by_reason(caplog):
    with caplog.at_level(logging.INFO):
        columns, unusable = usable_columns(pick(MIXED), ["A1", "A2"], "train", [])
    assert columns.to_pylist()[:2] == [{"text": "fine", "label": 0}, {"text": "also fine", "label": 1}]
    assert unusable == [UnusableRow("train", "x.csv", *reason) for reason in REASONS]
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "x.csv: 7 of 49 rows cannot be used and are left out: 4 x empty text (lines 3, 4, 5, 9); 1 x missing label "
            "(line 6); 2 x unknown label (lines 7, 10: 'C9', 'a2'; known are 'A1', 'A2').",
        )
    ]
    usable_columns(pick({"text": ["a"] * 200, "label": ["a2"] * 10 + ["A1"] * 190}), ["A1", "A2"], "train", [])
    message = "10 x unknown label (lines 2, 3, 4, 5, 6, ...: 'a2'; known are 'A1', 'A2'; did you mean 'A2'?)"
    assert message in caplog.text


def test_more_than_a_twentieth_of_the_labels_unknown_is_an_error_with_both_lists_side_by_side():
    labels = ["A1 "] * 20 + ["a1", "A2\u200b", "", "NA"] * 10 + [None] * 1000
    with pytest.raises(ValueError, match="none of the known levels") as caught:
        usable_columns(pick({"text": ["a"] * len(labels), "label": labels}), ["A1", "A2", "B1", "B2"], "train", [])
    assert str(caught.value).splitlines() == [
        "x.csv: 20 of 40 labels in the column 'label' are none of the known levels.",
        "  in the data: rows  known",
        "  'A1': 20           'A1'",
        "  'a1': 10           'A2'",
        "  'A2\\u200b': 10     'B1'",
        "                     'B2'",
        "These look alike: 'A1' and 'a1'; 'A2' and 'A2\\u200b'.",
        "Correct the column, leave out those rows, or train on these levels: label_order lists them, lowest first.",
    ]
    with pytest.raises(ValueError, match=r"or name another label_column, or take a model of these levels\.$"):
        usable_columns(pick({"text": ["a"], "label": ["C9"]}), ["A1", "A2"], "", [])  # as evaluate does
    almost = ["A1"] * 19 + ["C9"]
    columns, unusable = usable_columns(pick({"text": ["a"] * 20, "label": almost}), ["A1", "A2"], "train", [])
    assert (columns.num_rows, len(unusable)) == (19, 1)


# Columns


def test_a_column_that_cannot_be_kept_is_left_out_with_a_note():
    rows = {"text": ["raw"], "sentence": ["clean"], "label": ["x"], "cefr": ["y"]}
    nested = {"tokens": [["a"]], "meta": [{"k": 1}], "audio": [b"RIFF"]}
    table = pick(rows | nested, text_column="sentence", label_column="cefr")
    notes = []
    columns, _ = usable_columns(table, ["x", "y"], "train", notes)
    assert columns.to_pylist() == [{"text": "clean", "label": 1}]
    taken = [f"x.csv: column '{name}' is left out, because its name is taken." for name in ("text", "label")]
    assert notes[:2] == taken
    assert [note.split(" is left out, because it holds ")[0] for note in notes[2:]] == [
        f"x.csv: column {name!r}" for name in nested
    ]


def test_columns_of_single_values_are_kept_with_their_types():
    others = {
        "score": pa.array([1.5, None]),
        "trial": pa.array([1, 2], pa.int8()),
        "native": [True, False],
        "day": [datetime.date(2020, 1, 1), None],
    }
    table = pick({"id": ["a", "b"], "label": ["x", "y"], "text": ["one", "two"], **others})
    notes = []
    columns, unusable = usable_columns(table, ["x", "y"], "train", notes)
    dataset = as_dataset(columns, ["x", "y"], "train")
    assert dataset.column_names == ["text", "label", "id", *others]
    others = {"id": "b", "score": None, "trial": 2, "native": False, "day": None}
    assert dataset[1] == {"text": "two", "label": 1, **others}
    assert dataset.features["trial"] == Value("int8")
    assert (unusable, notes) == ([], [])


def test_the_features_of_other_columns_survive():
    features = Features(
        {
            "text": Value("large_string"),
            "label": ClassLabel(names=["y", "x"]),
            "region": ClassLabel(names=["JPN", "CHN"]),
            "tokens": List(Value("string")),
        }
    )
    values = [pa.array(["a"], pa.large_string()), pa.array([1]), pa.array([0]), pa.array([["a"]])]
    columns, _ = usable_columns(pick(values, features.arrow_schema), ["x", "y"], "test", [])
    dataset = as_dataset(columns, ["x", "y"], "test")
    assert dataset.features == Features(
        {"text": Value("string"), "label": ClassLabel(names=["x", "y"]), "region": ClassLabel(names=["JPN", "CHN"])}
    )
    assert dataset[0] == {"text": "a", "label": 0, "region": 0}
    assert dataset.split == "test"


def test_a_fingerprint_in_the_source_is_not_taken_over():
    schema = pa.schema({"text": pa.string(), "label": pa.string()}, metadata={"huggingface": '{"fingerprint": "old"}'})
    columns, _ = usable_columns(pick([["a", ""], ["x", "y"]], schema), ["x", "y"], "train", [])
    assert as_dataset(columns, ["x", "y"], "train")._fingerprint != "old"


# Raters

RATED = {
    "text": ["a", "b", "", "d"],
    "level": ["1", "2", "1", "3"],
    "first": [1, 3, 9, None],  # what stands in a row that is left out does not matter
    "second": [" 2", "3 ", "x", ""],
}


def pick_rated(raters, **changed):
    return pick_columns(raw_table(RATED | changed), "text", "level", None, raters)


def test_levels_of_raters_become_indices_of_the_labels_and_empty_cells_none():
    columns, unusable = usable_columns(pick_rated(["second", "first"]), ["1", "2", "3"], "train", [])
    dataset = as_dataset(columns, ["1", "2", "3"], "train", ["second", "first"])
    assert dataset[:] == {"text": ["a", "b", "d"], "label": [0, 1, 2], "second": [1, 2, None], "first": [0, 2, None]}
    assert dataset.features["first"] == dataset.features["second"] == dataset.features["label"]
    assert len(unusable) == 1


def test_the_label_column_may_be_one_raters():
    columns, _ = usable_columns(pick_rated(["level", "first"]), ["3", "2", "1"], "train", [])
    assert columns.to_pydict() == {
        "text": ["a", "b", "d"],
        "label": [2, 1, 0],
        "second": [" 2", "3 ", ""],
        "level": [2, 1, 0],
        "first": [2, 0, None],
    }


def test_a_level_outside_the_labels_gives_a_sentence_with_its_place():
    rated = pick_rated(["first", "second"], second=["2", "2.5", "", "0"])
    with pytest.raises(
        ValueError,
        match=r"x\.csv, line 3: '2\.5' in the rater column 'second' is none of the levels '1', '2', '3' \(2 such "
        r"cells\).*list all levels as label_order",
    ):
        usable_columns(rated, ["1", "2", "3"], "train", [])


# Labels


@pytest.mark.parametrize(
    "ordered",
    [
        ["A1", "A2", "B1_1", "B1_2", "B2", "native"],
        ["A2", "B1_1", "B1_2", "B2", "Native"],
        ["1", "2", "3", "10"],
        ["-2", "-1", "0", "1", "1.25", "1.5", "2"],
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


@pytest.mark.parametrize(
    ("label_order", "error", "message"),
    [
        ("A1,A2", TypeError, r"label_order='A1,A2' must be a list of names"),
        ({"A1", "A2"}, TypeError, "must be a list of names"),
        ([1, "1.0", 2], ValueError, "must name two labels or more, each once"),
        (["A1", "A2", "A1 "], ValueError, "must name two labels or more, each once, and none empty"),
        (["A1"], ValueError, "must name two labels or more"),
        (["A1", "A2", " "], ValueError, "none empty"),
    ],
)
def test_a_bad_order_gives_a_sentence_and_numbers_become_names(label_order, error, message):
    with pytest.raises(error, match=message):
        check_label_order(label_order)
    assert check_label_order((1, 2.0, "3 ", "3.50")) == ["1", "2", "3", "3.5"]
    assert check_label_order((1, 2.0, "3.0", "native")) == ["1", "2", "3.0", "native"]
