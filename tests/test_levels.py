"""One spelling of a level, whoever wrote it down; what is a code stays as it is."""

from decimal import Decimal

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from blv_trainer.corpora import load_table, load_texts
from blv_trainer.levels import as_number, level_finder, level_values, look_alikes, score_scale, spell_levels

HALF_POINTS = ["1", "1.5", "2", "2.5", "3"]


@given(st.decimals(-(10**6), 10**6, places=3, allow_nan=False))
def test_a_number_has_one_spelling_however_many_zeros_end_it(value):
    spelled = as_number(f"{value:f}")
    assert Decimal(spelled) == value
    assert "." not in spelled or spelled[-1] not in "0."
    assert spelled == as_number(spelled) == as_number(f"{value:f}00")
    assert spelled == as_number(f"{float(value)!r}") or "e" in repr(float(value))


@pytest.mark.parametrize(
    "code",
    ["007", "03", "1e3", "1,000", "1.", "1_1", "0x1", "\u0661", "", "-", "1 000", "1.5.2", "inf", "nan", "2b"],
)
def test_what_is_no_plain_number_is_a_name(code):
    assert as_number(code) is None
    assert spell_levels(["1.0", code]) == ["1.0", code]


def test_levels_are_numbers_only_where_all_of_an_order_are():
    assert spell_levels(["1.0", "1,5", "+2"]) == ["1", "1.5", "2"]
    assert level_values(["5.0", "3", "1"]) == [5, 3, 1]
    assert level_values(["A2", "3", "1"]) == [1, 2, 3]
    assert (score_scale(["1", "5"]), score_scale(["1", "x"])) == ("from 1 to 5", "from 1 (1) to 2 (x)")
    find = level_finder(["3.0", "native"])
    assert [find(name) for name in ("3.0", "3", "native")] == [0, None, 1]
    find = level_finder(["3.0", "4"])  # as a model of earlier days may have them
    assert [find(name) for name in ("3.0", "3", "4.00", "x")] == [0, 0, 1, None]


def test_names_that_look_alike_are_found_whatever_makes_them_unlike():
    for same in ("b1", "B1 ", "B1\u200b", "\u00a0B1", "B1\ufeff", "\uff22\uff11"):
        assert look_alikes(["A2", "B1", same]) == " and ".join(map(repr, sorted(["B1", same])))
    assert look_alikes(["3", "3.0", "4", "x", "X"]) == "'3' and '3.0'; 'X' and 'x'"
    assert look_alikes(["B1", "B1_1", "B11", "BI"]) == ""


# The same rows in every kind of file


def save(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    elif path.suffix == ".xlsx":
        book = Workbook()
        for row in [list(frame.columns), *frame.where(frame.notna(), None).values.tolist()]:
            book.active.append(row)
        book.save(path)
    else:
        frame.to_csv(path, index=False)
    return path


def essays(levels, **columns):
    return pandas.DataFrame({"text": [f"essay {k}" for k in range(len(levels))], "label": levels, **columns})


WAYS = {
    "floats.csv": [1.0, 1.5, 2.0, 3.0, 2.5] * 6,
    "blanks.csv": [1.0, 1.5, 2.0, 3.0, 2.5, None] * 6,
    "floats.parquet": [1.0, 1.5, 2.0, 3.0, 2.5] * 6,
    "float32.parquet": pandas.Series([1.0, 1.5, 2.0, 3.0, 2.5] * 6, dtype="float32"),
    "floats.jsonl": [1.0, 1.5, 2.0, 3.0, 2.5] * 6,
    "floats.xlsx": [1.0, 1.5, 2.0, 3.0, 2.5] * 6,
    "texts.xlsx": ["1", "1.50", "2.0", "3", "2.5"] * 6,
    "texts.csv": ["1", "1.50", "2.0", "3", "2.5"] * 6,
    "commas.csv": ["1", "1,5", "2,0", "3", "2,5"] * 6,
    "missing.csv": ["1", "1.5", "2", "3", "2.5", "NA"] * 6,
    "categories.parquet": pandas.Categorical([1.0, 1.5, 2.0, 3.0, 2.5] * 6),
}


@pytest.mark.parametrize("test_name", WAYS)
@pytest.mark.parametrize("train_name", ["floats.csv", "blanks.csv", "floats.parquet", "texts.xlsx", "commas.csv"])
def test_numbers_are_one_level_in_every_kind_of_file(tmp_path, train_name, test_name):
    train = save(essays(WAYS[train_name]), tmp_path / train_name)
    test = save(essays(WAYS[test_name], rater=WAYS[test_name]), tmp_path / f"test_{test_name}")
    expected = [0, 1, 2, 4, 3] * 6
    for order in (None, [1, 1.5, 2, 2.5, 3.0], ["1.0", "1.5", "2.0", "2.5", "3.0"]):
        data = load_table(train, test_file=test, label_order=order, validation_fraction=0)
        assert data.label_names == HALF_POINTS
        assert data.dataset["train"]["label"][:] == data.dataset["test"]["label"][:] == expected
        assert {row.reason for row in data.unusable} <= {"missing label"}
        names = order or HALF_POINTS
        rows = load_texts(test, label_column="label", label_order=names, rater_columns=["rater"]).dataset
        assert rows["label"][:] == rows["rater"][:] == expected


def test_whole_numbers_beside_a_column_of_floats_with_a_blank_are_the_same_levels(tmp_path):
    train = save(essays([1, 2, 3] * 10), tmp_path / "train.csv")
    test = save(essays([1, 2, None, 3]), tmp_path / "test.csv")
    assert "3.0" in test.read_text()
    data = load_table(train, test_file=test, validation_fraction=0)
    assert data.label_names == ["1", "2", "3"]
    assert data.dataset["test"]["label"][:] == [0, 1, 2]
    assert [(row.row, row.reason) for row in data.unusable] == [(4, "missing label")]


def test_float32_levels_are_those_that_were_typed(tmp_path):
    tenths = pandas.Series([0.1, 1.1, 2.3] * 10, dtype="float32")
    data = load_table(save(essays(tenths), tmp_path / "x.parquet"), validation_fraction=0)
    assert data.label_names == ["0.1", "1.1", "2.3"]


def test_codes_are_not_altered_and_an_ordered_category_keeps_its_order(tmp_path):
    data = load_table(save(essays(["007", "010", "009"] * 10), tmp_path / "x.csv"), validation_fraction=0)
    assert data.label_names == ["007", "009", "010"]
    levels = pandas.Categorical(["good", "fair", "poor"] * 10, categories=["poor", "fair", "good"], ordered=True)
    data = load_table(save(essays(levels, other=levels), tmp_path / "x.parquet"), validation_fraction=0)
    assert data.label_names == ["poor", "fair", "good"]
    assert data.dataset["train"][:3]["label"] == [2, 1, 0]
    assert data.dataset["train"][:3]["other"] == ["good", "fair", "poor"]
    assert data.notes == [
        "Order of the labels, as the column declares: poor < fair < good. Give label_order to set another."
    ]


def test_labels_that_look_alike_are_named(tmp_path):
    data = load_table(save(essays(["B1", "B2", "b1", "B2\u200b", "B2"] * 6), tmp_path / "x.csv"))
    alike = r"'B1' and 'b1'; 'B2' and 'B2\u200b'"
    note = f"Labels that look alike are told apart: {alike}. Make them one in the file if they are one."
    assert note in data.notes
