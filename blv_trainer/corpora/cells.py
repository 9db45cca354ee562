"""Texts in the cells of CSV and TSV files: a spreadsheet runs none, and they are read back as they were."""

from __future__ import annotations

import re
from typing import Any

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # as OWASP lists them, the wide ones included
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def as_cell(value: Any) -> Any:
    """The value to write: a text that a spreadsheet would run gets an apostrophe before it; a number stays a number.

    Examples:
        >>> [as_cell(value) for value in ["=1+1", "-5", "- well", -5, "I like tea", "'@"]]
        ["'=1+1", '-5', "'- well", -5, 'I like tea', "''@"]
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def from_cell(text: str) -> str:
    """The text that ``as_cell`` was given; any other text as it stands.

    A text from elsewhere loses its first character only where it begins with an apostrophe and a formula's sign.

    Examples:
        >>> [from_cell(text) for text in ["'=1+1", "-5", "''@", "'tis"]]
        ['=1+1', '-5', "'@", "'tis"]
    """
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text
