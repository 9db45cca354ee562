"""Text that comes from data, made harmless where Markdown and HTML are read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

# An underscore inside a word, as in B1_1, is no markup. Entities, not backslashes: the Hub takes \\( for a formula.
_SPECIAL = re.compile(r"[&<>\"'`*\[\]{}\\|~$#!:^=]|(?<![^\W_])_|_(?![^\W_])")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]+")  # line ends and reversed writing


class Markdown(str):
    """Text that is Markdown already, and trusted."""


def escape(value: Any) -> Markdown:
    """The value as Markdown that shows it as it is, on one line, inside a sentence or a table cell.

    Examples:
        >>> print(escape("<b>B1_1</b> | _x_"))
        &#60;b&#62;B1_1&#60;/b&#62; &#124; &#95;x&#95;
    """
    text = _BLANK.sub(" ", str(value)).strip()
    return Markdown(_SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text))


def trusted(value: Any) -> Any:
    """What a template prints: Markdown and whole numbers as they are, everything else escaped."""
    return value if isinstance(value, (Markdown, int)) else escape(value)


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], *, numeric: Sequence[int] = ()) -> Markdown:
    """A Markdown table; every cell is escaped, the columns ``numeric`` are aligned to the right.

    Examples:
        >>> print(table(["level", "rows"], [["A|2", 5]], numeric=[1]))
        | level | rows |
        |---|---:|
        | A&#124;2 | 5 |
    """
    rule = "|" + "|".join("---:" if k in numeric else "---" for k in range(len(header))) + "|"
    return Markdown("\n".join([_line(header), rule, *map(_line, rows)]))


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(str(trusted(cell)) for cell in cells) + " |"


def plain(value: Any) -> str:
    """A setting as JSON, words without quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def links(names: Sequence[str], kind: str = "") -> Markdown:
    """Names on the Hub, each leading there."""
    return Markdown(", ".join(f"[{escape(name)}](https://huggingface.co/{kind}{name})" for name in names))


def decimal(value: float) -> str:
    """Two decimals; a dash where the value is undefined."""
    return f"{value:.2f}" if math.isfinite(value) else "-"
