"""Levels: how a name is spelled, what it counts in an average, and which names look alike.

Where all levels of an order are numbers, they are compared as numbers: 3, 3.0 and '3.0' are the level '3', and '1,5' is
the level '1.5'. Where one is not, all are names, and nothing is changed.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

# '007' and '1e3' are codes. A comma is the decimal mark of half of Europe, but before three digits that of thousands.
_NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9]\d*)(?:\.\d+|,\d{1,2})?|\.\d+)", re.ASCII)


def as_number(name: str) -> str | None:
    """The one spelling of a plain decimal number; None for any other name.

    Examples:
        >>> [as_number(name) for name in ["3.0", "1,50", "-.5", "007", "1e3", "B1"]]
        ['3', '1.5', '-0.5', None, None, None]
    """
    if not _NUMBER.fullmatch(name):
        return None
    return format((Decimal(name.replace(",", ".")) + 0).normalize(), "f")  # + 0: no '-0'


def are_numbers(names: Iterable[str]) -> bool:
    """Whether all levels are numbers, so that scores have their units."""
    return all(map(as_number, names))


def spell_levels(names: Iterable[str]) -> list[str]:
    """The levels of one order as they are shown: numbers in their one spelling where all are numbers."""
    names = [*names]
    return [as_number(name) or name for name in names] if are_numbers(names) else names


def level_finder(names: Sequence[str]) -> Callable[[str], int | None]:
    """What finds the place of a level, however it is spelled, in an order; None for what is no level of it."""
    places, numeric = {name: place for place, name in enumerate(spell_levels(names))}, are_numbers(names)
    return lambda name: places.get((numeric and as_number(name)) or name)


def level_values(names: Sequence[str]) -> list[float]:
    """What each level counts in an expected score: itself where all are numbers, else its position from 1.

    Examples:
        >>> level_values(["1", "1.5", "2"]), level_values(["A2", "B1", "B2"])
        ([1.0, 1.5, 2.0], [1.0, 2.0, 3.0])
    """
    return [*map(float, spell_levels(names) if are_numbers(names) else range(1, len(names) + 1))]


def score_scale(names: Sequence[str]) -> str:
    """Between what an expected score lies, in words: "from 1 to 5", or "from 1 (A2) to 3 (B2)"."""
    lowest, highest = names[0], names[-1]
    return f"from {lowest} to {highest}" if are_numbers(names) else f"from 1 ({lowest}) to {len(names)} ({highest})"


def look_alikes(names: Iterable[str]) -> str:
    """Names that a person would take for one (unlike in case, space, what cannot be seen, zeros), in words if any.

    Examples:
        >>> look_alikes(["B1", "b1", "B2", "C1 ", "C1"])
        "'B1' and 'b1'; 'C1' and 'C1 '"
    """
    alike = defaultdict(list)
    for name in sorted(names):
        seen = "".join(mark for mark in unicodedata.normalize("NFKC", name) if unicodedata.category(mark) != "Cf")
        folded = " ".join(seen.casefold().split())
        alike[as_number(folded) or folded].append(name)
    return "; ".join(" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1)
