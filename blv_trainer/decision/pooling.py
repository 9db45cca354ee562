"""Whole groups: the level of a speaker who gives several answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

from blv_trainer.checks import IGNORE_INDEX, labelled_rows


def pool(logits: ArrayLike, groups: Sequence[Any] | np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Join the answers of each group: the mean of their log-probabilities.

    A temperature of the answers would divide the mean by one number, so it need not come first: the decision on the
    pooled logits, ``tune(..., groups=...)``, has its own.

    Args:
        logits: of the answers, or their scores as decided, ``(n, num_classes)``.
        groups: whose answer each is, such as the speaker, anything hashable, ``(n,)``.

    Returns:
        The groups in order of first appearance, and their logits, ``(num_groups, num_classes)``.

    Raises:
        ValueError: not one group for each row, or logits of another shape.

    Reference:
        The mean of log-probabilities is the logarithmic opinion pool: Genest, Zidek, Combining Probability
        Distributions, Statistical Science 1(1), 1986.

    Examples:
        >>> names, pooled = pool([[0.0, 2.0], [1.0, 0.0], [0.0, 4.0]], ["ann", "bob", "ann"])
        >>> names, pooled.argmax(axis=1).tolist()
        (['ann', 'bob'], [1, 0])
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2:
        raise ValueError(f"logits of shape {logits.shape} cannot be pooled: give shape (n, num_classes).")
    names, places = _places(groups, len(logits))
    sums = np.zeros((len(names), logits.shape[-1]))
    np.add.at(sums, places, log_softmax(logits, axis=1))
    return names, sums / np.bincount(places)[:, None]


def labels_of_groups(labels: ArrayLike, groups: Sequence[Any] | np.ndarray) -> np.ndarray:
    """The one label of each group.

    Args:
        labels: of the rows, ``(n,)``.
        groups: of the rows, anything hashable, ``(n,)``.

    Returns:
        The labels in order of the groups' first appearance, as ``pool`` orders them, ``(num_groups,)``.

    Raises:
        ValueError: a group with two labels, or not one group for each row.

    Examples:
        >>> labels_of_groups([2, 0, 2], ["ann", "bob", "ann"]).tolist()
        [2, 0]
    """
    labels = np.asarray(labels)
    names, places = _places(groups, len(labels))
    first = _first(labels, places)
    torn = np.flatnonzero(first[places] != labels)
    if len(torn):
        group = names[places[torn[0]]]
        raise ValueError(
            f"group {group!r} has two labels, {first[places[torn[0]]]} and {labels[torn[0]]}: whole groups are decided "
            "only where each has one. Leave such groups out (one_label_each finds them), or decide on single rows."
        )
    return first


def one_label_each(labels: ArrayLike, groups: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Which rows belong to a group that has one label.

    Args:
        labels: of the rows, ``(n,)``.
        groups: of the rows, anything hashable, ``(n,)``.

    Returns:
        Of each row, whether all labels of its group are the same, ``(n,)``.

    Raises:
        ValueError: not one group for each row.

    Examples:
        >>> one_label_each([2, 0, 2, 1], ["ann", "bob", "ann", "bob"]).tolist()
        [True, False, True, False]
    """
    labels = np.asarray(labels)
    places = _places(groups, len(labels))[1]
    torn = places[_first(labels, places)[places] != labels]
    return ~np.isin(places, torn)


def pool_labelled(
    logits: ArrayLike, labels: ArrayLike, groups: Sequence[Any] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``(num_groups, num_classes)`` and label of each group, from those of its rows that have a label."""
    _places(groups, len(np.asarray(labels)))  # before groups of rows without a label are left out
    kept = np.asarray(labels) != IGNORE_INDEX
    logits, labels = labelled_rows(logits, labels)
    groups = list(compress(groups, kept))
    return pool(logits, groups)[1], labels_of_groups(labels, groups)


def _places(groups: Sequence[Any] | np.ndarray, num_rows: int) -> tuple[list[Any], np.ndarray]:
    """The groups in order of first appearance, and which of them each row belongs to, ``(num_rows,)``."""
    if len(groups) != num_rows:
        raise ValueError(f"{len(groups)} groups do not fit {num_rows} rows: give the group of each row.")
    numbers: dict[Any, int] = {}
    places = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.int64)
    return list(numbers), places


def _first(labels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The first label of each group, ``(num_groups,)``."""
    return labels[np.unique(places, return_index=True)[1]]
