"""Counts labels against predictions, and gives all metrics of many such counts at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def confusion_matrix(labels: ArrayLike, predictions: ArrayLike, num_classes: int) -> np.ndarray:
    """How often each label met each prediction, ``(..., num_classes, num_classes)``, rows = labels.

    Labels ``(n,)`` are those of one set of predictions or of many, ``(..., n)``.

    Examples:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    predictions = np.asarray(predictions)
    shape = (*predictions.shape[:-1], num_classes, num_classes)
    first = np.arange(0, math.prod(shape), num_classes**2).reshape(*predictions.shape[:-1], 1)  # cell of each set
    cells = first + num_classes * np.asarray(labels) + predictions
    return np.bincount(cells.ravel(), minlength=math.prod(shape)).reshape(shape)


def confusion_metrics(confusions: ArrayLike) -> dict[str, np.ndarray]:
    """The metrics of ``blv_trainer.metrics`` from confusion matrices, for thousands of resamples in one pass.

    All of ``METRICS`` but ``ece``, which needs probabilities. Counts ``(..., num_classes, num_classes)``, rows =
    references, give values ``(...)``; where a metric is undefined, it is nan, without a warning.
    """
    confusions = np.asarray(confusions, dtype=np.float64)
    if confusions.ndim < 2 or confusions.shape[-1] != confusions.shape[-2]:
        raise ValueError(
            f"confusions of shape {confusions.shape} cannot be used: give (..., num_classes, num_classes)."
        )
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 is the nan that an undefined metric has
        return {**_over_samples(confusions), **_over_classes(confusions)}


def _over_samples(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics in which all samples count the same, from sums of powers of r = reference and p = prediction."""
    num_classes = confusions.shape[-1]
    r, p = np.indices((num_classes, num_classes)).reshape(2, -1)
    terms = np.stack([np.ones_like(r), r, p, r * r, p * p, r * p, r == p, np.abs(r - p) <= 1], axis=1)
    sums = np.moveaxis(confusions.reshape(*confusions.shape[:-2], -1) @ terms.astype(np.float64), -1, 0)
    n, sum_r, sum_p, sum_rr, sum_pp, sum_rp, right, adjacent = sums
    # n^2 times variances and covariance: whole numbers, so that a constant has a variance of exactly 0.
    variance_r, variance_p = n * sum_rr - sum_r**2, n * sum_pp - sum_p**2
    covariance = n * sum_rp - sum_r * sum_p
    return {
        "accuracy": right / n,
        "adjacent_accuracy": adjacent / n,
        "rmse": np.sqrt((sum_rr + sum_pp - 2 * sum_rp) / n),
        "pcc": covariance / np.sqrt(variance_r * variance_p),
        "qwk": 2 * covariance / (variance_r + variance_p + (sum_r - sum_p) ** 2),
        "smd": np.where(variance_r > 0, (sum_p - sum_r) / n / np.sqrt(variance_r / (n * (n - 1))), np.nan),
    }


def _over_classes(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics in which all classes count the same; a class without references does not count (F1: nor predictions)."""
    levels = np.arange(confusions.shape[-1])
    distance = np.abs(levels[:, None] - levels)
    support, predicted = confusions.sum(axis=-1), confusions.sum(axis=-2)
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    present = support > 0
    return {
        "macro_accuracy": _mean_where(present, right / support),
        "macro_adjacent_accuracy": _mean_where(present, (confusions * (distance <= 1)).sum(axis=-1) / support),
        "macro_rmse": _mean_where(present, np.sqrt((confusions * distance**2).sum(axis=-1) / support)),
        "macro_f1": _mean_where(support + predicted > 0, 2 * right / (support + predicted)),
    }


def _mean_where(counted: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(counted, values, 0).sum(axis=-1) / counted.sum(axis=-1)
