"""Escaping: what data say is shown as it is and does nothing else."""

import html

import pytest

from blv_trainer.hub.card.markdown import Markdown, escape, trusted


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a | b",
        "*a* _b_ `c` ~~d~~ $$e$$ [f](g) ![h](i) ^j^ ==k==",
        "\\(x\\) \\| {y}",
        "&amp; &#60;",
        "https://example.org",
        "# a",
    ],
)
def test_any_text_is_shown_as_it_is(text):
    markdown = pytest.importorskip("markdown")
    shown = markdown.markdown(f"x {escape(text)} x", extensions=["tables", "sane_lists"])
    assert html.unescape(shown) == f"<p>x {text} x</p>"
    assert "<" not in escape(text)


def test_names_with_inner_underscores_stay_readable():
    assert escape("B1_1") == "B1_1"
    assert escape("_B1_") == "&#95;B1&#95;"


def test_line_ends_and_reversed_writing_become_blanks():
    assert escape(" a\n---\r\n\u202eb\u2028c ") == "a --- b c"


def test_markdown_and_whole_numbers_are_trusted_and_nothing_else():
    assert trusted(Markdown("**a**")) == "**a**"
    assert trusted(5) == 5
    assert trusted("**a**") != "**a**"
