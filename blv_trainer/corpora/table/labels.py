"""The order of the labels: given, declared by the data, or natural."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from blv_trainer.corpora.table.formats import plain_text

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def natural_order(labels: Iterable[str]) -> list[str]:
    """Sorts labels as a person would: numbers by their value, inside names too; letters regardless of case.

    Examples:
        >>> natural_order({"native", "B1_2", "A10", "B2", "B1_1", "A2"})
        ['A2', 'A10', 'B1_1', 'B1_2', 'B2', 'native']
        >>> natural_order({"10", "2", "-1", "2.5"})
        ['-1', '2', '2.5', '10']
    """
    labels = list(labels)
    if all(_NUMBER.fullmatch(label) for label in labels):
        return sorted(labels, key=lambda label: (float(label), label))

    def key(label: str) -> tuple:
        # Split at digits, text and numbers alternate, text first: keys always compare like with like.
        parts = re.split(r"(\d+)", label.casefold())
        return [int(part) if index % 2 else part for index, part in enumerate(parts)], label

    return sorted(labels, key=key)


def check_label_order(label_order: Sequence[Any]) -> list[str]:
    """Checks a given order of labels, lowest first; numbers become text as in the data.

    Raises:
        TypeError: ``label_order`` is not a sequence of names.
        ValueError: Fewer than two names, an empty one, or one that stands twice.
    """
    if isinstance(label_order, str) or not isinstance(label_order, Sequence):
        raise TypeError(f"label_order={label_order!r} must be a list of names, lowest first, like ['A1', 'A2'].")
    names = [name for value in label_order if (name := label_name(value)) is not None]
    if len(names) < len(label_order):
        raise ValueError(f"label_order={list(label_order)!r} contains an empty name.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"label_order={names!r} contains {twice[0]!r} twice; each label stands once.")
    if len(names) < 2:
        raise ValueError(f"label_order={names!r} must name at least two labels.")
    return names


def label_name(value: Any) -> str | None:
    """The name of a label as found in a file: text without surrounding space, 3.0 as "3"; None where missing."""
    text = plain_text(value)
    return (text.strip() or None) if text is not None else None
