"""How sure a result is: bootstrap intervals, paired tests, corrections, spread over seeds.

Everything here holds for the models at hand: it answers what another test set of the same kind would give. What another
training run would give is the spread over seeds (``mean_and_sd``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from blv_trainer.evaluation.confusion import confusion_metrics
from blv_trainer.evaluation.resampling import Estimate, bootstrap, confusion_units, permute


class Spread(NamedTuple):
    """Mean and standard deviation (n - 1) over runs."""

    mean: float
    sd: float
    num_runs: int


def bootstrap_intervals(
    references: ArrayLike,
    predictions: ArrayLike,
    *,
    groups: Sequence | None = None,
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """BCa (bias-corrected and accelerated) bootstrap interval of every metric but ece, which needs probabilities.

    Samples are drawn with replacement, or whole groups where ``groups`` are given: samples of one speaker resemble each
    other, and intervals that ignore it are too narrow. A class that a resample lacks does not count in its macro
    metrics, as in the metrics themselves; resamples for which a metric is undefined are left out of its interval.

    Args:
        references: the true class of each sample, ``(n,)``.
        predictions: the predicted class of each sample, ``(n,)``, or of several runs, ``(num_runs, n)``: the metric is
            then the mean of the runs'.
        groups: what is drawn as a whole, such as the speaker of each sample, ``(n,)``; None to draw samples.
        confidence: coverage of the interval, between 0 and 1.
        num_resamples: number of resamples.
        seed: of the random generator; same seed, same numbers, whatever the order of the samples.

    Returns:
        An ``Estimate`` for each metric; nan where the metric is undefined.

    Raises:
        ValueError: classes, shapes, groups or options that cannot be used.

    Reference:
        Efron: Better Bootstrap Confidence Intervals. Journal of the American Statistical Association 82, 1987.

    Examples:
        >>> estimates = bootstrap_intervals([0, 0, 1, 1, 2, 2] * 20, [0, 0, 1, 1, 2, 1] * 20)
        >>> [round(number, 2) for number in estimates["accuracy"]]
        [0.83, 0.76, 0.89, 0.03]
    """
    units = confusion_units(references, [predictions], groups)
    return bootstrap(units, _mean_over_runs, confidence=confidence, num_resamples=num_resamples, seed=seed)


def bootstrap_differences(
    references: ArrayLike,
    predictions: ArrayLike,
    *,
    baseline: ArrayLike,
    groups: Sequence | None = None,
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Bootstrap interval of the difference between two methods on the same samples, for every metric.

    Both methods see the same resamples, so what makes a sample easy or hard for both cancels.

    Args:
        references: as in ``bootstrap_intervals``.
        predictions: those of the method, ``(n,)`` or ``(num_runs, n)``.
        baseline: those of the method to compare with, of the same shape.
        groups: as in ``bootstrap_intervals``.
        confidence: as in ``bootstrap_intervals``.
        num_resamples: as in ``bootstrap_intervals``.
        seed: as in ``bootstrap_intervals``.

    Returns:
        An ``Estimate`` of metric(predictions) - metric(baseline) for each metric.

    Raises:
        ValueError: as in ``bootstrap_intervals``; predictions and baseline of different shape.

    Examples:
        >>> references, baseline = [0, 1, 2, 3] * 25, [0, 1, 1, 1] * 25
        >>> bootstrap_differences(references, references, baseline=baseline)["accuracy"].value
        0.5
    """
    units = confusion_units(references, [predictions, baseline], groups)
    return bootstrap(units, _difference, confidence=confidence, num_resamples=num_resamples, seed=seed)


def permutation_p_values(
    references: ArrayLike,
    predictions: ArrayLike,
    *,
    baseline: ArrayLike,
    groups: Sequence | None = None,
    num_permutations: int = 10_000,
    seed: int = 0,
) -> dict[str, float]:
    """Paired permutation test of two methods on the same samples, two-sided, for every metric.

    Were the methods equal, it would not matter which of them gave which answer: for each sample, or whole group, the
    answers are swapped at random, and p is the share of permutations with a difference as large as the observed one,
    the observed one itself among them.

    Args:
        references: the true class of each sample, ``(n,)``.
        predictions: those of one method, ``(n,)`` or ``(num_runs, n)``; the runs of a sample are swapped together.
        baseline: those of the other method, of the same shape.
        groups: what is swapped as a whole, such as the speaker of each sample, ``(n,)``; None to swap samples.
        num_permutations: number of random permutations.
        seed: of the random generator.

    Returns:
        The p-value of each metric, at least 1 / (num_permutations + 1); nan where the difference is undefined.

    Raises:
        ValueError: classes, shapes, groups or options that cannot be used.

    Reference:
        Phipson, Smyth: Permutation P-values Should Never Be Zero. Statistical Applications in Genetics and Molecular
        Biology 9(1), 2010.

    Examples:
        >>> references, baseline = [0, 1, 2, 3] * 5, [0, 1, 1, 1] * 5
        >>> permutation_p_values(references, references, baseline=baseline)["accuracy"] < 0.01
        True
    """
    units = confusion_units(references, [predictions, baseline], groups)
    return permute(units, _difference, num_permutations=num_permutations, seed=seed)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's correction: p-values that may be read one by one although several comparisons were made.

    Args:
        p_values: the p-value of each comparison; nan stays nan and is not counted.

    Returns:
        The corrected p-values under the same names, at most 1.

    Raises:
        ValueError: a p-value outside 0..1.

    Reference:
        Holm: A Simple Sequentially Rejective Multiple Test Procedure. Scandinavian Journal of Statistics 6, 1979.

    Examples:
        >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
        {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    for name, p in p_values.items():
        if not (math.isnan(p) or 0 <= p <= 1):
            raise ValueError(f"p-value {p} of {name!r} cannot be used: p-values lie between 0 and 1.")
    corrected, largest = dict(p_values), 0.0
    ordered = sorted((p, name) for name, p in p_values.items() if not math.isnan(p))
    for rank, (p, name) in enumerate(ordered):
        largest = max(largest, (len(ordered) - rank) * p)
        corrected[name] = min(largest, 1.0)
    return corrected


def mean_and_sd(runs: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Mean and standard deviation (nan for a single run) of each metric over runs that differ in their seed."""
    spreads = {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs], dtype=np.float64)
        sd = values.std(ddof=1).item() if len(values) > 1 else math.nan
        spreads[name] = Spread(values.mean().item(), sd, len(values))
    return spreads


def minimum_detectable_difference(standard_error: float) -> float:
    """The smallest true difference that a test set of this size and kind would show in 80 % of cases.

        (z(.975) + z(.8)) standard_error = 2.8 standard errors, for a two-sided test at the 5 % level

    Args:
        standard_error: of the difference between two methods, as ``bootstrap_differences`` gives it.

    Returns:
        The difference, in the unit of the standard error.

    Raises:
        ValueError: a standard error below 0.

    Examples:
        >>> round(minimum_detectable_difference(0.034), 3)  # 3.4 points, accuracy .5 with 217 samples
        0.095
    """
    if standard_error < 0:
        raise ValueError(f"standard_error={standard_error} cannot be used: give a number from 0 up.")
    return float((ndtri(0.975) + ndtri(0.8)) * standard_error)


def _mean_over_runs(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics ``(rows,)`` of one method, ``(rows, 1, num_runs, num_classes, num_classes)``."""
    return {name: values[:, 0].mean(axis=1) for name, values in confusion_metrics(confusions).items()}


def _difference(confusions: np.ndarray) -> dict[str, np.ndarray]:
    """Differences ``(rows,)`` of two methods, ``(rows, 2, num_runs, num_classes, num_classes)``."""
    means = {name: values.mean(axis=2) for name, values in confusion_metrics(confusions).items()}
    return {name: values[:, 0] - values[:, 1] for name, values in means.items()}
