import pyarrow as pa
import pytest
from datasets import ClassLabel, Features, Value

from blv_trainer.corpora.table.named_columns import check_rater_columns, pick_columns
from blv_trainer.corpora.table.read import RawTable


def pick(columns, schema=None, text_column="text", label_column="label", **others):
    table = pa.table(columns, schema=schema)
    return pick_columns(
        RawTable("x.csv", table, range(2, table.num_rows + 2), "line"), text_column, label_column, **others
    )


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
    for halves in (1, 2):  # a column may come in several chunks
        labels = pa.chunked_array([pa.array(values, type_)] * halves)
        found = pick({"text": ["a"] * len(labels), "label": labels}).labels
        assert found.tolist() == expected * halves


@pytest.mark.parametrize(
    ("columns", "text_column", "message"),
    [
        (
            {"Text": ["a"], "label": ["x"]},
            "text",
            "no text column 'text'. Its columns: 'Text', 'label'. Did you mean 'T",
        ),
        ({"sentence": ["a"], "label": ["x"]}, "sentense", "Did you mean 'sentence'.*Give the name as text_column"),
        ({"text": ["a"], "labels": ["x"]}, "text", "no label column 'label'.*Did you mean 'labels'"),
        ({"text": ["a"], "zzz": ["x"]}, "text", r"no label column 'label'. Its columns: 'text', 'zzz'. Give the name"),
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


SPOKEN = {"text": ["a"], "label": ["x"], "Learner": ["S1"], "answers": [["a"]], "first": ["x"]}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"group_column": "learner"}, "x.csv has no group column 'learner'. Its columns: 'text', .*'first'. Did you "),
        ({"group_column": "learner"}, "Did you mean 'Learner'.* Give the name as group_column"),
        ({"group_column": "label"}, "label_column and group_column are both 'label'; they must be two columns"),
        ({"group_column": "text"}, "text_column and group_column are both 'text'"),
        ({"group_column": "answers"}, "column 'answers' cannot be used as group_column, because it holds list<"),
        (
            {"group_column": "text", "text_column": "Learner"},
            "column 'text' cannot be used as group_column, because its name is taken",
        ),
        (
            {"rater_columns": ["first", "fist"]},
            "x.csv has no rater column 'fist'.*'first'.* Give the name as rater_col",
        ),
        ({"rater_columns": ["label"]}, "column 'label' cannot be used as rater_columns, because its name is taken"),
        ({"rater_columns": ["answers"]}, "column 'answers' cannot be used as rater_columns, because it holds list<"),
    ],
)
def test_group_and_rater_columns_that_cannot_be_used_give_a_sentence(named, message):
    with pytest.raises(ValueError, match=message):
        pick(SPOKEN, **named)


def test_levels_of_raters_are_read_as_labels_are():
    names = ["low", "high"]
    features = Features({"text": Value("string"), "label": Value("string"), "first": ClassLabel(names=names)})
    values = [pa.array(["a", "b", "c"]), pa.array(["x", "y", "y"]), pa.array([1, 0, -1])]
    picked = pick(values, features.arrow_schema, rater_columns=["first"])
    assert picked.raters["first"].tolist() == ["high", "low", None]
    picked = pick({"text": ["a", "b"], "label": ["x", "y"], "first": [3.0, float("nan")]}, rater_columns=["first"])
    assert picked.raters["first"].tolist() == ["3", None]


def test_rater_columns_are_a_list_of_different_names():
    assert (check_rater_columns(None), check_rater_columns(("a", "b"))) == ([], ["a", "b"])
    with pytest.raises(TypeError, match="rater_columns='first' must be a list of columns"):
        check_rater_columns("first")
    with pytest.raises(ValueError, match=r"rater_columns=\['a', 'a'\] names a column twice"):
        check_rater_columns(["a", "a"])
