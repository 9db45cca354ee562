"""Reproducible splits: by group (speaker), by sample, in folds.

An assignment depends on the seed and on the identifiers alone: not on the order of the rows, on the machine, on the
Python hash seed or on the version of a random number generator. Groups are put in order by the SHA-256 digest of
``"seed:identifier"``.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

SPLIT_NAMES = ("train", "validation", "test")
PUBLISHED_FRACTIONS = (0.9, 0.05, 0.05)  # Lo et al. 2024; Tsai et al. 2025


def split_by_group(
    labels: Sequence[Hashable],
    groups: Sequence[Hashable],
    *,
    fractions: Sequence[float | Fraction] = PUBLISHED_FRACTIONS,
    names: Sequence[str] = SPLIT_NAMES,
    strata: Sequence[Hashable] | None = None,
    seed: int = 42,
) -> np.ndarray:
    """Assigns every row to a split so that no group stands in two splits.

    A group's label is its most frequent one (the lowest on a tie), and so is its stratum. With G groups of a label
    and fractions f_s, the label gets, in groups:

    - within 1 of G f_s in split s, if that leaves no split empty;
    - at least one group in every split whose fraction is not 0, if G is at least the number of such splits; the
      split with most groups gives them, and for three splits all stay within 2 of G f_s;
    - with fewer groups than splits, no promise but the first: for 0.9/0.05/0.05 one or two groups go to train.

    Within a label a stratum (a region) gets within 2 groups of its share of the label's groups in each split.

    Args:
        labels: Class of each row, ``(num_rows,)``.
        groups: What must not be torn apart (the speaker) of each row, ``(num_rows,)``.
        fractions: Share of the groups for each split, summing to 1.
        names: Name of each split, in the order of ``fractions``.
        strata: What to spread evenly within a label (the region) of each row, ``(num_rows,)``; None for nothing.
        seed: Another seed, another split.

    Returns:
        Split name of each row, ``(num_rows,)``.

    Raises:
        ValueError: Where lengths differ, or the fractions are not a partition of 1.

    Reference:
        R. Tijdeman. "The chairman assignment problem." Discrete Mathematics 32 (1980): the rule that spreads a
        sequence over the splits with every prefix within 1 of its share.

    Examples:
        >>> labels = ["A2"] * 20 + ["B1"] * 40
        >>> speakers = [row // 2 for row in range(60)]  # two answers each
        >>> split = split_by_group(labels, speakers, fractions=(0.8, 0.1, 0.1))
        >>> [int((split == name).sum()) for name in ("train", "validation", "test")]
        [48, 6, 6]
        >>> all(split[row] == split[row + 1] for row in range(0, 60, 2))
        True
    """
    if len(fractions) != len(names) or len(set(names)) != len(names):
        raise ValueError(f"names={tuple(names)} must be distinct and as many as fractions={tuple(fractions)}.")
    # 0.05 is meant as 1/20, not as the nearest double: exact shares make every rounding the same everywhere.
    shares = [Fraction(fraction).limit_denominator(10**6) for fraction in fractions]
    if any(share < 0 for share in shares) or sum(shares) != 1:
        raise ValueError(f"fractions={tuple(fractions)} must be 0 or more and sum to 1.")
    return np.array(names, dtype=str)[_assign(labels, groups, shares, strata, seed)]


def split_by_sample(labels: Sequence[Hashable], ids: Sequence[Hashable], **options: Any) -> np.ndarray:
    """Assigns every row by itself, stratified by label: the published way, in which speakers leak.

    Args:
        labels: Class of each row, ``(num_rows,)``.
        ids: Unique identifier of each row, ``(num_rows,)``.
        **options: Those of `split_by_group`.

    Returns:
        Split name of each row, ``(num_rows,)``.

    Raises:
        ValueError: Where an id occurs twice, and as `split_by_group`.

    Examples:
        >>> split = split_by_sample([0] * 40 + [1] * 60, range(100))
        >>> [int((split == name).sum()) for name in ("train", "validation", "test")]
        [90, 5, 5]
    """
    repeated = [id_ for id_, count in Counter(ids).items() if count > 1]
    if repeated:
        raise ValueError(f"ids must be unique, but {len(repeated)} occur more than once, for example {repeated[0]!r}.")
    return split_by_group(labels, ids, **options)


def k_folds(
    labels: Sequence[Hashable],
    groups: Sequence[Hashable],
    *,
    num_folds: int = 5,
    strata: Sequence[Hashable] | None = None,
    seed: int = 42,
) -> np.ndarray:
    """Assigns every row to one of ``num_folds`` folds of disjoint groups, stratified as in `split_by_group`.

    Args:
        labels: Class of each row, ``(num_rows,)``.
        groups: Speaker of each row, ``(num_rows,)``.
        num_folds: At least 2, at most the number of groups.
        strata: As in `split_by_group`.
        seed: As in `split_by_group`.

    Returns:
        Fold number of each row, ``(num_rows,)``, integers from 0.

    Raises:
        ValueError: Where ``num_folds`` is below 2 or above the number of groups, and as `split_by_group`.

    Examples:
        >>> folds = k_folds([0, 0, 0, 0, 1, 1], list("aabbcd"), num_folds=2)
        >>> sorted(folds.tolist())
        [0, 0, 0, 1, 1, 1]
    """
    num_groups = len(set(groups))
    if not 2 <= num_folds <= num_groups:
        raise ValueError(f"num_folds={num_folds} is not possible: choose from 2 to the number of groups, {num_groups}.")
    return _assign(labels, groups, [Fraction(1, num_folds)] * num_folds, strata, seed)


def rare_labels_note(labels: Sequence[Hashable], groups: Sequence[Hashable], *, num_folds: int) -> str:
    """A sentence on the labels that stand in fewer groups than there are folds: some folds have no row of them.

    Args:
        labels: Name of the class of each row, ``(num_rows,)``.
        groups: Speaker of each row, ``(num_rows,)``.
        num_folds: As in `k_folds`.

    Returns:
        The sentence, with the number of groups of each such label; empty where there is none.

    Examples:
        >>> rare_labels_note(["A1", "A1", "A2", "A2"], list("aabc"), num_folds=2)
        'Fewer groups than the 2 folds: A1 (1). Folds without such a label are not tested on it.'
    """
    groups_of_label = defaultdict(set)
    for label, group in zip(labels, groups, strict=True):
        groups_of_label[label].add(group)
    rare = [f"{label} ({len(own)})" for label, own in sorted(groups_of_label.items()) if len(own) < num_folds]
    found = f"Fewer groups than the {num_folds} folds: {', '.join(rare)}."
    return f"{found} Folds without such a label are not tested on it." if rare else ""


def _assign(
    labels: Sequence[Hashable],
    groups: Sequence[Hashable],
    shares: list[Fraction],
    strata: Sequence[Hashable] | None,
    seed: int,
) -> np.ndarray:
    """Number of the split of each row, (num_rows,)."""
    strata = ["all"] * len(groups) if strata is None else strata
    if not len(labels) == len(groups) == len(strata):
        given = f"labels ({len(labels)}), groups ({len(groups)}) and strata ({len(strata)})"
        raise ValueError(f"{given} must have one entry for each row.")

    def digest(*parts: Hashable) -> str:
        return hashlib.sha256(":".join(map(str, (seed, *parts))).encode()).hexdigest()

    stratum_of, members = _by_group(strata, groups), defaultdict(list)
    for group, label in _by_group(labels, groups).items():
        members[label].append(group)
    split_of: dict[Hashable, int] = {}
    carry = [Fraction(0)] * len(shares)
    for label, own in sorted(members.items()):
        order = sorted(own, key=lambda group: (digest(label, stratum_of[group]), digest(group)))  # stratum by stratum
        split_of.update(zip(order, _spread(_quotas(len(order), shares, carry)), strict=True))
    return np.array([split_of[group] for group in groups], dtype=int)


def _by_group(values: Sequence[Any], groups: Sequence[Hashable]) -> dict[Hashable, Any]:
    """The most frequent value of each group, the lowest on a tie."""
    counts: defaultdict[Hashable, Counter[Any]] = defaultdict(Counter)
    for group, value in zip(groups, values, strict=True):
        counts[group][value] += 1
    return {group: min(c, key=lambda value: (-c[value], value)) for group, c in counts.items()}


def _quotas(num_groups: int, shares: list[Fraction], carry: list[Fraction]) -> list[int]:
    """Whole numbers of groups for each split; ``carry`` hands rounding errors on to the next label."""
    ideal = [num_groups * share for share in shares]
    quotas = [int(value) for value in ideal]  # rounds down
    owed = [value - quota + carried for value, quota, carried in zip(ideal, quotas, carry, strict=True)]
    fractional = [s for s in range(len(shares)) if ideal[s] != quotas[s]]
    for s in sorted(fractional, key=lambda s: owed[s], reverse=True)[: num_groups - sum(quotas)]:
        quotas[s] += 1
    used = [s for s in range(len(shares)) if shares[s] > 0]
    for s in used:
        if quotas[s] == 0 and num_groups >= len(used):
            quotas[max(used, key=lambda other: quotas[other])] -= 1
            quotas[s] = 1
    for s, value in enumerate(ideal):
        carry[s] += value - quotas[s]
    return quotas


def _spread(quotas: list[int]) -> list[int]:
    """A sequence with ``quotas[s]`` times s, each prefix within 1 of its share (Tijdeman 1980).

    Everything is an integer: the deficit of s after i places is quotas[s] * i - total * placed[s].
    """
    total, slack = sum(quotas), max(2 * len(quotas) - 2, 1)
    placed, sequence = [0] * len(quotas), []
    for i in range(1, total + 1):
        deficits = {s: quota * i - total * placed[s] for s, quota in enumerate(quotas) if quota}
        due = [s for s, deficit in deficits.items() if deficit * slack >= total]  # never none: deficits sum to total
        s = min(due, key=lambda s: (Fraction(total * (slack - 1) - deficits[s] * slack, quotas[s]), s))
        placed[s] += 1
        sequence.append(s)
    return sequence
