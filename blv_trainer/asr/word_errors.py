"""Word error rates of transcripts against those of people, over all and by group."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
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


def word_errors(references: Sequence[str], hypotheses: Sequence[str]) -> WordErrors:
    """Counts the word errors of hypotheses; ``.rate`` is the word error rate.

    Errors and words are summed before they are divided, so that a long text counts more than a short one. Both sides go
    through openai-whisper's ``EnglishTextNormalizer`` first (case, punctuation, numerals, spelling, fillers such as
    "uh"), as in its paper: without it the rate says more about writing habits than about hearing.

    Args:
        references: What people wrote down.
        hypotheses: What is judged, in the same order.

    Raises:
        ValueError: Not as many of one as of the other.

    Reference:
        Radford et al.: Robust Speech Recognition via Large-Scale Weak Supervision. ICML 2023, Appendix C.

    Examples:
        >>> word_errors(["Uh, I think so.", "It's banned!"], ["I think that so", "it is"]).rate
        0.3333333333333333
    """
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references and {len(hypotheses)} hypotheses: give one for each.")
    normalize = _normalizer()
    total = WordErrors()
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        words = normalize(reference).split()
        total += WordErrors(edit_distance(words, normalize(hypothesis).split()), len(words), 1)
    return total


def word_errors_by(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str] = ("label", "region"),
    *,
    reference: str = "text_human",
    hypothesis: str = "text",
) -> dict[str, dict[Hashable, WordErrors]]:
    """Word errors over all rows and over the rows of each value of some columns.

    Args:
        rows: With the columns named here.
        columns: To group by, such as level and region.
        reference: Column of the human transcript.
        hypothesis: Column of the transcript that is judged.

    Returns:
        ``{"all": {"all": ...}, column: {value: ...}}``, values in order.
    """
    counted = [word_errors([row[reference]], [row[hypothesis]]) for row in rows]
    table: dict[str, dict[Hashable, WordErrors]] = {"all": {"all": sum(counted, WordErrors())}}
    for column in columns:
        groups: dict[Hashable, WordErrors] = {}
        for row, errors in zip(rows, counted, strict=True):
            groups[row[column]] = groups.get(row[column], WordErrors()) + errors
        table[column] = dict(sorted(groups.items(), key=lambda group: str(group[0])))
    return table


def edit_distance(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> int:
    """Fewest substitutions, deletions and insertions that make one sequence of the other.

    Reference:
        Levenshtein: Binary codes capable of correcting deletions, insertions, and reversals. 1966.

    Examples:
        >>> edit_distance("kitten", "sitting")
        3
    """
    codes = {item: code for code, item in enumerate({*reference, *hypothesis})}
    columns = np.arange(len(hypothesis) + 1)
    wanted = np.array([codes[item] for item in hypothesis], dtype=np.int64)
    above = columns
    for i, item in enumerate(reference, start=1):
        row = np.append(i, np.minimum(above[1:] + 1, above[:-1] + (wanted != codes[item])))
        above = np.minimum.accumulate(row - columns) + columns  # an insertion costs 1 for each column to the right
    return int(above[-1])


@functools.cache
def _normalizer() -> Callable[[str], str]:
    from whisper.normalizers import EnglishTextNormalizer

    return EnglishTextNormalizer()  # compiles many expressions
