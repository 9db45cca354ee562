import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora import as_cell

SIGNS = "=+-@\t\r\n'"
TEXTS = st.text(st.one_of(st.sampled_from(SIGNS), st.characters(exclude_categories=["Cs", "Cc"])), max_size=8)

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", "'=1", "-", "-5-5", "-\u0663"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe_and_so_does_what_only_begins_as_a_number(text):
    assert as_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-5", "+5", "-0.25", "-1e-3", ".5", -5, 2.5, None, True, "", "I like tea", "'tis"])
def test_numbers_and_other_texts_stand_as_they_are(value):
    assert as_cell(value) == value


@given(TEXTS)
def test_no_text_begins_as_a_formula_once_it_is_a_cell(text):
    cell = as_cell(text)
    assert cell[:1] not in tuple("=+-@\t\r\n") or float(cell) is not None
