"""How far human raters agree among themselves: what a model's agreement with their labels is read against."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike

from blv_trainer.checks import IGNORE_INDEX, check_labels
from blv_trainer.evaluation.confusion import confusion_matrix, confusion_metrics


def human_agreement(raters: ArrayLike, num_classes: int) -> dict[str, float]:
    """How well one rater's levels predict another's, in the metrics that models are judged by.

        mean over ordered pairs i != j of metric(references = raters[i], predictions = raters[j])

    Each pair is judged on the rows where both gave a level, and all pairs count the same. In both orders, because
    macro metrics ask whose levels are the reference; ``smd``, which changes its sign, is near 0 for that reason and
    says nothing of a severe rater. A pair for which a metric is undefined, such as ``pcc`` where one rater gave one
    level only, is left out of its mean.

    It is no bound: a label made of several raters' levels, such as their mean, is nearer to each of them than they are
    to each other, so that a model may agree with it better than two people do.

    Args:
        raters: level of each row by each rater, a class index from 0 (the lowest), or -1 (also -100) where a rater
            gave none, ``(num_raters, n)``, of two raters or more.
        num_classes: number of levels.

    Returns:
        Each of ``METRICS`` but ``ece``, which needs probabilities; nan where no pair defines it.

    Raises:
        ValueError: fewer than two raters, levels that are no whole numbers or outside the classes, or no row with the
            levels of two raters.

    Reference:
        Williamson, Xi, Breyer: A Framework for Evaluation and Use of Automated Scoring. Educational Measurement:
        Issues and Practice 31(1), 2012 (agreement of machine and human judged against that of two humans).

    Examples:
        >>> agreement = human_agreement([[0, 1, 2, 2], [0, 1, 1, -1]], num_classes=3)
        >>> round(agreement["accuracy"], 3), agreement["adjacent_accuracy"]
        (0.667, 1.0)
    """
    raters = np.asarray(raters)
    if raters.ndim != 2 or len(raters) < 2 or raters.dtype.kind not in "iu":
        raise ValueError(
            f"raters of shape {raters.shape} and type {raters.dtype} cannot be used: give whole numbers of shape "
            "(num_raters, n), two raters or more, -1 where one gave no level."
        )
    check_labels(np.where(raters == -1, IGNORE_INDEX, raters), num_classes)
    confusions = []
    for reference, prediction in permutations(raters, 2):
        both = (reference >= 0) & (prediction >= 0)
        if both.any():
            confusions.append(confusion_matrix(reference[both], prediction[both], num_classes))
    if not confusions:
        raise ValueError(
            f"no row has the levels of two of the {len(raters)} raters, so their agreement is unknown: give rows that "
            "two raters judged."
        )
    return {name: _mean(values[~np.isnan(values)]) for name, values in confusion_metrics(confusions).items()}


def _mean(defined: np.ndarray) -> float:
    return float(defined.mean()) if len(defined) else float("nan")
