"""Draws samples or groups again and again, and swaps the answers of two methods: the engine of ``statistics``.

What is drawn is a unit: the confusion matrices of one sample or group, one for each method and run. A resample is then
a sum of units, and units with equal matrices are interchangeable, so that only their numbers need to be drawn: 10,000
resamples of 1,000 samples are 10,000 draws from a multinomial over some 20 distinct units, and one matrix product.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

logger = logging.getLogger(__name__)

Statistic = Callable[[np.ndarray], dict[str, np.ndarray]]  # (rows, methods, runs, classes, classes) to (rows,) by name

_ROWS_AT_A_TIME = 1000  # resamples at a time; bounds memory


class Estimate(NamedTuple):
    """A value with its interval, all in the metric's own unit."""

    value: float
    low: float
    high: float
    standard_error: float  # standard deviation over the resamples


def confusion_units(references: ArrayLike, methods: Sequence[ArrayLike], groups: Sequence | None) -> np.ndarray:
    """Counts of each sample or group, ``(num_units, num_methods, num_runs, num_classes, num_classes)``."""
    labels = _classes("references", references)
    predicted = [_classes("predictions", predictions) for predictions in methods]
    if labels.ndim != 1 or any(of_method.shape != predicted[0].shape for of_method in predicted):
        shapes = [labels.shape, *(of_method.shape for of_method in predicted)]
        raise ValueError(f"shapes {shapes} do not fit: give references (n,) and predictions alike in shape.")
    predictions = np.stack([np.atleast_2d(of_method) for of_method in predicted])  # (num_methods, num_runs, n)
    n = len(labels)
    if predictions.ndim != 3 or predictions.shape[2] != n:
        raise ValueError(
            f"{n} references do not fit predictions of shape {predicted[0].shape}: give (n,) or (num_runs, n)."
        )
    unit = np.arange(n) if groups is None else _numbered(groups, n)
    num_units, num_classes = unit.max() + 1, max(labels.max(), predictions.max()) + 1
    if num_units < 2:
        raise ValueError("there is only one sample or group: nothing can be resampled; give two or more.")
    num_runs = predictions.shape[0] * predictions.shape[1]
    run = np.arange(num_runs).reshape(*predictions.shape[:2], 1)
    cells = ((unit * num_runs + run) * num_classes + labels) * num_classes + predictions
    counts = np.bincount(cells.ravel(), minlength=num_units * num_runs * num_classes**2)
    return counts.reshape(num_units, *predictions.shape[:2], num_classes, num_classes).astype(np.float64)


def bootstrap(
    units: np.ndarray, statistic: Statistic, *, confidence: float, num_resamples: int, seed: int
) -> dict[str, Estimate]:
    """Interval of each statistic when units are drawn with replacement; for the arguments see ``statistics``."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence} cannot be used: give a number between 0 and 1, such as 0.95.")
    _check_whole_number("num_resamples", num_resamples)
    distinct, counts = _distinct(units)
    total, num_units = units.sum(axis=0), len(units)
    generator = np.random.Generator(np.random.PCG64(seed))
    resamples = []
    for rows in _chunks(num_resamples):
        drawn = generator.multinomial(num_units, counts / num_units, size=rows)  # how often each distinct unit
        resamples.append(statistic(_weighted_sums(drawn, distinct)))
    left_out = statistic(total - distinct)  # the jackknife: one unit left out
    estimates = {}
    for name, value in statistic(total[None]).items():
        resampled = np.concatenate([resample[name] for resample in resamples])
        levels = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
        levels = _bca_levels(levels, value, resampled, left_out[name], counts)
        estimates[name] = _estimate(name, value.item(), resampled, levels)
    return estimates


def permute(units: np.ndarray, statistic: Statistic, *, num_permutations: int, seed: int) -> dict[str, float]:
    """Two-sided p-value of each statistic when two methods swap their answers unit by unit, at random."""
    _check_whole_number("num_permutations", num_permutations)
    total = units.sum(axis=0)
    # Swapping a unit moves its change from one method to the other.
    changes, counts = _distinct(units[:, 1] - units[:, 0])
    generator = np.random.Generator(np.random.PCG64(seed))
    permuted = []
    for rows in _chunks(num_permutations):
        swapped = generator.binomial(counts, 0.5, size=(rows, len(counts)))  # how many of each distinct change
        moved = _weighted_sums(swapped, changes)
        permuted.append(statistic(total + np.stack([moved, -moved], axis=1)))
    return {
        name: _p_value(observed.item(), np.concatenate([values[name] for values in permuted]))
        for name, observed in statistic(total[None]).items()
    }


def _classes(name: str, values: ArrayLike) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "iu" or values.size == 0 or values.min() < 0:
        raise ValueError(f"{name} cannot be used: give class indices, whole numbers from 0, at least one.")
    return values.astype(np.int64)


def _numbered(groups: Sequence, n: int) -> np.ndarray:
    if len(groups) != n:
        raise ValueError(f"{len(groups)} groups do not fit {n} references: give the group of each sample.")
    numbers: dict = {}
    for group in groups:
        if group is None or group != group:
            raise ValueError("a sample has no group (None or NaN): name one for each sample, or give groups=None.")
        numbers.setdefault(group, len(numbers))
    return np.array([numbers[group] for group in groups])


def _distinct(units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    flat, counts = np.unique(units.reshape(len(units), -1), axis=0, return_counts=True)
    return flat.reshape(-1, *units.shape[1:]), counts


def _weighted_sums(weights: np.ndarray, units: np.ndarray) -> np.ndarray:
    return np.tensordot(weights.astype(np.float64), units, axes=1)


def _chunks(num_rows: int) -> list[int]:
    return [min(_ROWS_AT_A_TIME, num_rows - start) for start in range(0, num_rows, _ROWS_AT_A_TIME)]


def _estimate(name: str, value: float, resampled: np.ndarray, levels: np.ndarray) -> Estimate:
    defined = resampled[~np.isnan(resampled)]
    if math.isnan(value) or len(defined) < 2:
        return Estimate(value, math.nan, math.nan, math.nan)
    if len(defined) < 0.99 * len(resampled):
        message = "%s is undefined in %d of %d resamples; its interval is that of the others."
        logger.warning(message, name, len(resampled) - len(defined), len(resampled))
    low, high = np.quantile(defined, levels)
    return Estimate(value, low.item(), high.item(), defined.std(ddof=1).item())


def _bca_levels(
    levels: np.ndarray, value: np.ndarray, resampled: np.ndarray, left_out: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """The quantiles that a bias-corrected and accelerated interval takes in place of ``levels``."""
    resampled = resampled[~np.isnan(resampled)]
    if np.isnan(value) or not len(resampled):
        return levels
    # Half of the resamples equal to the value count as below it: metrics of few samples take few values.
    below = (np.mean(resampled < value) + np.mean(resampled <= value)) / 2
    bias = ndtri(np.clip(below, 0.5 / len(resampled), 1 - 0.5 / len(resampled)))
    counts, left_out = counts[~np.isnan(left_out)], left_out[~np.isnan(left_out)]
    influence = (counts * left_out).sum() / max(counts.sum(), 1) - left_out
    spread = (counts * influence**2).sum()
    acceleration = (counts * influence**3).sum() / (6 * spread**1.5) if spread > 0 else 0.0
    z = bias + ndtri(levels)
    return ndtr(bias + z / np.maximum(1 - acceleration * z, 1e-12))


def _p_value(observed: float, permuted: np.ndarray) -> float:
    permuted = permuted[~np.isnan(permuted)]
    if math.isnan(observed):
        return math.nan
    as_large = np.abs(permuted) >= abs(observed) - 1e-10  # equal differences differ by rounding
    return (1 + as_large.sum().item()) / (1 + len(permuted))


def _check_whole_number(name: str, value: int) -> None:
    if value != int(value) or value < 2:
        raise ValueError(f"{name}={value} cannot be used: give a whole number from 2 up, such as 10000.")
