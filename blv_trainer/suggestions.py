"""``Did you mean ...?``: the accepted name that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHORTEST_PART = 3  # letters
_HARDLY_WRONG = 0.8  # share of letters in common; difflib's own limit, 0.6, is tried last


def nearest(given: object, accepted: Iterable[str]) -> str | None:
    """The accepted name nearest to what was given, regardless of case; None where none is near.

    Of names that hold what was given as a part, the first is meant, rather than a short name that looks like it.

    Examples:
        >>> nearest("BVL", ["blv", "focal"])
        'blv'
        >>> nearest("acc", ["pcc", "accuracy"])
        'accuracy'
    """
    lowered = {name.casefold(): name for name in reversed([*accepted])}
    word = str(given).casefold()
    holding = [name for name in reversed(lowered) if word in name and len(word) >= _SHORTEST_PART]
    holding.sort(key=lambda name: not name.startswith(word))
    near = get_close_matches(word, lowered, n=1, cutoff=_HARDLY_WRONG) or holding or get_close_matches(word, lowered)
    return lowered[near[0]] if near else None


def did_you_mean(given: object, accepted: Iterable[str]) -> str:
    """The end of a message, with the blank before it; empty where no accepted name is near.

    Examples:
        >>> did_you_mean("foccal", ["blv", "focal"])
        " Did you mean 'focal'?"
        >>> did_you_mean("hinge", ["blv", "focal"])
        ''
    """
    meant = nearest(given, accepted)
    return f" Did you mean {meant!r}?" if meant else ""
