import logging

import pyarrow as pa
import pytest
from datasets import ClassLabel, Features, Value

from blv_trainer.corpora.table.rows import UnusableRow, find_unusable, nothing_usable, pick_columns
from blv_trainer.corpora.table.sources import RawTable


def raw_table(columns, schema=None, unit="line"):
    table = pa.table(columns, schema=schema)
    return RawTable("x.csv", table, range(2, table.num_rows + 2), unit)


def pick(columns, schema=None, text_column="text", label_column="label"):
    return pick_columns(raw_table(columns, schema), text_column, label_column)


def labels_of(values, type_=None):
    return pick({"text": ["a"] * len(values), "label": pa.array(values, type_)}).labels.to_pylist()


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        ([" B1", "B1 ", "", None, "  "], None, ["B1", "B1", None, None, None]),
        ([3, 1, None], pa.int8(), ["3", "1", None]),
        ([3.0, float("nan"), 2.5, None], None, ["3", None, "2.5", None]),
        ([True, False], None, ["true", "false"]),
        (["B1"], pa.large_string(), ["B1"]),
        ([None, None], pa.null(), [None, None]),
    ],
)
def test_labels_of_every_single_valued_type_become_names(values, type_, expected):
    assert labels_of(values, type_) == expected


def test_labels_in_several_chunks_keep_their_rows():
    labels = pa.chunked_array([pa.array(["B", None, "A"]), pa.array([], pa.string()), pa.array(["C", "B"])])
    assert pick({"text": ["a"] * 5, "label": labels}).labels.to_pylist() == ["B", None, "A", "C", "B"]


def test_a_class_label_gives_its_names_and_minus_one_is_a_missing_label():
    schema = Features({"text": Value("string"), "label": ClassLabel(names=["low", "high"])}).arrow_schema
    table = pick([pa.array(["a"] * 4), pa.array([1, 0, -1, None])], schema)
    assert table.declared == ["low", "high"]
    assert table.labels.to_pylist() == ["high", "low", None, None]


@pytest.mark.parametrize(
    ("columns", "text_column", "message"),
    [
        (
            {"Text": ["a"], "label": ["x"]},
            "text",
            "no text column 'text'. Its columns: 'Text', 'label'. Did you mean 'Te",
        ),
        ({"sentence": ["a"], "label": ["x"]}, "sentense", "Did you mean 'sentence'.*Give the name as text_column"),
        ({"text": ["a"], "labels": ["x"]}, "text", "no label column 'label'.*Did you mean 'labels'"),
        ({"text": ["a"], "zzz": ["x"]}, "text", r"no label column 'label'. Its columns: 'text', 'zzz'. Give the name"),
        ({"text;label": ["a;x"]}, "text", "seem to be separated by ';'"),
        ({"text": [["a"]], "label": ["x"]}, "text", r"column 'text' holds list<.*; the texts must be strings"),
        ({"text": [1], "label": ["x"]}, "text", "column 'text' holds int64; the texts must be strings"),
        ({"text": ["a"], "label": [["x", "y"]]}, "text", r"column 'label' holds list<.*a row has one label"),
        ({"text": ["a"], "label": [b"x"]}, "text", "column 'label' holds binary"),
        ({"text": ["a"], "label": ["x"]}, "label", "text_column and label_column are both 'label'"),
    ],
)
def test_a_column_that_is_missing_or_of_the_wrong_type_gives_a_sentence(columns, text_column, message):
    with pytest.raises(ValueError, match=message):
        pick(columns, text_column=text_column)


def test_the_long_column_names_of_a_file_without_header_are_shortened():
    with pytest.raises(ValueError, match="names its columns in the first line") as caught:
        pick({"word " * 1000: ["a"], "1": ["x"]})
    assert len(str(caught.value)) < 300


MIXED = {
    "text": ["fine", "", " \t\n\u00a0", None, "no label", "other", "also fine", "", "typo"],
    "label": ["A1", "A1", "A2", "A1", None, "C9", "A2 ", "C9", "a2"],
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


def test_every_unusable_row_is_listed_with_its_number_reason_and_value():
    usable, unusable = find_unusable(pick(MIXED), ["A1", "A2"], "train")
    assert usable.tolist() == [True, False, False, False, False, False, True, False, False]
    assert unusable == [UnusableRow("train", "x.csv", *reason) for reason in REASONS]


def test_one_warning_counts_the_unusable_rows_by_reason_with_the_first_places(caplog):
    with caplog.at_level(logging.INFO):
        find_unusable(pick(MIXED), ["A1", "A2"], "train")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "x.csv: 7 of 9 rows cannot be used and are left out: 4 x empty text (lines 3, 4, 5, 9); 1 x missing label "
            "(line 6); 2 x unknown label (lines 7, 10: 'C9', 'a2'; known are 'A1', 'A2').",
        )
    ]


def test_the_warning_stays_short_and_asks_whether_another_label_was_meant(caplog):
    find_unusable(pick({"text": ["a"] * 100, "label": ["a2"] * 100}), ["A1", "A2"], "train")
    message = "100 x unknown label (lines 2, 3, 4, 5, 6, ...: 'a2'; known are 'A1', 'A2'; did you mean 'A2'?)"
    assert message in caplog.text


def test_no_unusable_row_no_warning(caplog):
    usable, unusable = find_unusable(pick({"text": ["a"], "label": ["A1"]}), ["A1", "A2"], "train")
    assert (usable.tolist(), unusable, caplog.text) == ([True], [], "")


def test_without_a_label_column_only_the_text_counts():
    usable, unusable = find_unusable(pick(MIXED, label_column=None), None, "")
    assert usable.sum() == 5
    assert {row.reason for row in unusable} == {"empty text"}


def test_the_value_of_an_unknown_class_label_is_its_name():
    schema = Features({"text": Value("string"), "label": ClassLabel(names=["low", "high"])}).arrow_schema
    _, unusable = find_unusable(pick([pa.array(["a"]), pa.array([1])], schema), ["low", "lower"], "test")
    assert [row.value for row in unusable] == ["high"]


def test_the_sentence_for_a_table_without_a_usable_row_says_why():
    table = pick({"text": ["a", ""], "label": ["x", "y"]})
    _, unusable = find_unusable(table, ["A1", "A2"], "train")
    message = nothing_usable(table, unusable, ["A1", "A2"])
    assert message.startswith("x.csv: none of the 2 rows can be used: 1 x unknown label (line 2: 'x'; known are 'A1'")
