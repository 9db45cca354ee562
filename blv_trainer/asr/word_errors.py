"""Word error rates of transcripts against those of people, over all and by group."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class WordErrors:
    """Errors counted over some texts.

    Args:
        errors: Words substituted, deleted and inserted.
        words: Words of the references.
        texts: How many texts.
    """

    errors: int = 0
    words: int = 0
    texts: int = 0

    @property
    def rate(self) -> float:
        """Errors per reference word; nan without words. It can exceed 1."""
        return self.errors / self.words if self.words else float("nan")

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(self.errors + other.errors, self.words + other.words, self.texts + other.texts)


def word_errors_by(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ("label", "region")
) -> dict[str, dict[Hashable, WordErrors]]:
    """Word errors of ``text`` against ``text_human``, over all rows and over the rows of each value of some columns.

    Errors and words are summed before they are divided, so that a long text counts more than a short one. Both sides go
    through openai-whisper's ``EnglishTextNormalizer`` first (case, punctuation, numerals, spelling, fillers such as
    "uh"), as in its paper: without it the rate says more about writing habits than about hearing.

    Args:
        rows: With both texts and the columns to group by.
        columns: To group by.

    Returns:
        ``{"all": {"all": ...}, column: {value: ...}}``, values in order.

    Reference:
        Radford et al.: Robust Speech Recognition via Large-Scale Weak Supervision. ICML 2023, Appendix C.

    Examples:
        >>> rows = [{"text_human": "Uh, I think so.", "text": "I think that so"},
        ...         {"text_human": "It's banned!", "text": "it is"}]
        >>> word_errors_by(rows, columns=())["all"]["all"].rate
        0.3333333333333333
    """
    from whisper.normalizers import EnglishTextNormalizer

    normalize = EnglishTextNormalizer()
    counted = []
    for row in rows:
        words, heard = normalize(row["text_human"]).split(), normalize(row["text"]).split()
        counted.append(WordErrors(edit_distance(words, heard), len(words), 1))
    table: dict[str, dict[Hashable, WordErrors]] = {"all": {"all": sum(counted, WordErrors())}}
    for column in columns:
        groups: dict[Hashable, WordErrors] = {}
        for row, errors in zip(rows, counted, strict=True):
            groups[row[column]] = groups.get(row[column], WordErrors()) + errors
        table[column] = dict(sorted(groups.items(), key=lambda group: str(group[0])))
    return table


def edit_distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """Fewest substitutions, deletions and insertions that make one sequence of the other (Levenshtein 1966)."""
    codes = {item: code for code, item in enumerate({*reference, *hypothesis})}
    columns = np.arange(len(hypothesis) + 1)
    wanted = np.array([codes[item] for item in hypothesis], dtype=np.int64)
    above = columns
    for i, item in enumerate(reference, start=1):
        row = np.append(i, np.minimum(above[1:] + 1, above[:-1] + (wanted != codes[item])))
        above = np.minimum.accumulate(row - columns) + columns  # an insertion costs 1 for each column to the right
    return int(above[-1])
