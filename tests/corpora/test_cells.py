import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.cells import as_cell, from_cell
from blv_trainer.corpora.table.texts import load_texts

SIGNS = "=+-@\t\r\n'"
TEXTS = st.text(st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs", "Cc"])), max_size=8)


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "'=1"])
def test_a_formula_gets_an_apostrophe(text):
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-5", "+5", "-0.25", "-1e-3", ".5", -5, 2.5, None, True, "", "I like tea", "'tis"])
def test_numbers_and_other_texts_stand_as_they_are(value):
    assert as_cell(value) == value


@pytest.mark.parametrize("text", ["-5-5", "-", "--5", "-5 years", "+1 a", "-\u0663"])
def test_what_only_begins_as_a_number_is_no_number(text):
    assert as_cell(text) == f"'{text}"


@given(TEXTS)
def test_every_text_is_read_back_as_it_was(text):
    assert from_cell(as_cell(text)) == text


@given(TEXTS)
def test_no_text_begins_as_a_formula_once_it_is_a_cell(text):
    cell = as_cell(text)
    assert cell[:1] not in tuple("=+-@\t\r\n") or float(cell) is not None


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_our_own_reader_gives_the_texts_back(suffix, delimiter, tmp_path):
    texts = ["=1+1", "'=1", "-5", "- well I think", "@home", "'tis", "plain"]
    path = tmp_path / f"rows{suffix}"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([["text"], *([as_cell(text)] for text in texts)])
    assert load_texts(path).dataset["text"][:] == texts
