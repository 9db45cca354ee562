"""A loss in words and formulas, taken from its docstring, so that a new loss has its place in the card."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

from blv_trainer.losses import LOSSES


class Formula(NamedTuple):
    """What a loss's docstring says of it.

    Args:
        summary: its first sentence.
        equation: the indented lines below, in the names of the code.
        symbols: the paragraph after them; empty where there is none.
        reference: where the loss comes from; empty where that is not said.
    """

    summary: str
    equation: str
    symbols: str
    reference: str


def loss_formula(name: str) -> Formula | None:
    """The formula of a loss; None for one that is not ours, or where Python runs without docstrings.

    Args:
        name: a key of ``LOSSES``.

    Examples:
        >>> loss_formula("cross_entropy").equation
        'loss = -log softmax(logits)[label]'
    """
    docstring = LOSSES[name].__doc__ if name in LOSSES else None
    if not docstring:
        return None
    head, *sections = re.split(r"\n\n(?=[A-Z][a-z ]+:\n)", inspect.cleandoc(docstring))
    summary, *paragraphs = head.split("\n\n")
    equations = [paragraph for paragraph in paragraphs if paragraph.startswith("    ")]
    symbols = [paragraph for paragraph in paragraphs if not paragraph.startswith("    ")]
    equation = inspect.cleandoc("\n" + "\n\n".join(equations))
    references = [section.partition("\n")[2] for section in sections if section.startswith("Reference:")]
    return Formula(_prose(summary), equation, _prose(symbols[0]) if symbols else "", _prose("".join(references)))


def _prose(text: str) -> str:
    """Running text: one line, code in single backticks, as Markdown has it."""
    return " ".join(text.split()).replace("``", "`")
