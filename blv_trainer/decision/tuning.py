"""Chooses a decision on a dev set."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from blv_trainer.checks import labelled_rows
from blv_trainer.decision.shifts import Decision, log_prior
from blv_trainer.metrics import METRICS, check_metric

logger = logging.getLogger(__name__)

# From undoing a training with tau 1 to undoing BLV with sigma 6 (tau 1.9 on ICNALE) and correcting the prior besides.
TAUS = tuple(step / 20 for step in range(-20, 81))  # -1 to 4
_TEMPERATURES = (0.05, 20.0)


def tune(
    logits: ArrayLike,
    labels: ArrayLike,
    metric: str | Mapping[str, float],
    *,
    class_counts: ArrayLike | None,
    taus: Sequence[float] = TAUS,
) -> Decision:
    """Choose tau for the best metric and the temperature for the best likelihood, on a dev set.

    The shift is ``-tau log prior`` with one tau for all classes. BLV, logit adjustment and Gaussian clouded logits
    shift along the very line (up to a constant), so their consistent decisions are among those tried. Free shifts for
    each class are not searched: with a handful of dev examples in the rare classes they fit these examples.

    Args:
        logits: of the dev set, ``(n, num_classes)``.
        labels: of the dev set, ``(n,)``, class indices; -100 is left out.
        metric: a key of ``METRICS``, or weights above 0 of several, such as ``{"macro_accuracy": 0.5, "qwk": 0.5}``.
            Errors count negative, ``smd`` by its distance from 0.
        class_counts: training examples of each class, in label order, ``(num_classes,)``; ``trainer.class_counts`` is
            None where nothing was trained, which is refused.
        taus: the values to try. Among equally good ones the smallest |tau| wins, the positive one of two such.

    Returns:
        The decision; its temperature is ``fit_temperature`` of the shifted logits.

    Raises:
        ValueError: an unknown metric, unusable weights, shapes or labels that do not fit, logits that are not finite,
            or a metric that is undefined for every tau.

    Examples:
        >>> logits = [[2.0, 0.0], [2.0, 1.0], [2.0, 0.0], [1.9, 1.5]]
        >>> tune(logits, [0, 0, 0, 1], "macro_accuracy", class_counts=[90, 10]).tau
        0.2
    """
    weights = _metric_weights(metric)
    logits, labels = labelled_rows(logits, labels)
    prior = log_prior(class_counts)
    if prior.shape != logits.shape[1:]:
        raise ValueError(f"{len(prior)} class_counts do not fit logits of {logits.shape[1]} classes.")
    scores = {float(tau): _score(logits - tau * prior, labels, weights) for tau in taus}
    if max(scores.values()) == -math.inf:
        raise ValueError(
            f"{' + '.join(weights)} is undefined on these {len(labels)} labels whatever the decision: use more dev "
            "data, or another metric."
        )
    tau = max(scores, key=lambda tau: (scores[tau], -abs(tau), tau))
    if tau != 0 and tau in (min(scores), max(scores)):
        logger.warning("tau=%g is the last value tried; give tune(..., taus=...) a wider range.", tau)
    shift = -tau * prior
    return Decision(tuple(shift), temperature=fit_temperature(logits + shift, labels), kind="tuned", tau=tau)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature for which ``softmax(logits / temperature)`` gives the labels the highest likelihood.

    Args:
        logits: ``(n, num_classes)``.
        labels: ``(n,)``, class indices; -100 is left out.

    Returns:
        The temperature, from 0.05 to 20.

    Raises:
        ValueError: shapes or labels that do not fit, or logits that are not finite.

    Reference:
        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks. ICML 2017.

    Examples:
        >>> round(fit_temperature([[4.0, 0.0]] * 4, [0, 0, 0, 1]), 2)  # sure of 98 %, right in 75 %
        3.64
    """
    logits, labels = labelled_rows(logits, labels)

    def negative_log_likelihood(log_temperature: float) -> float:
        log_p = log_softmax(logits / math.exp(log_temperature), axis=1)
        return -log_p[np.arange(len(labels)), labels].mean()

    bounds = tuple(math.log(bound) for bound in _TEMPERATURES)
    return math.exp(minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x)


def _metric_weights(metric: str | Mapping[str, float]) -> dict[str, float]:
    weights = {metric: 1.0} if isinstance(metric, str) else dict(metric)
    if not weights:
        raise ValueError("metric={} is empty: name one metric or more, such as {'macro_accuracy': 0.5, 'qwk': 0.5}.")
    for name, weight in weights.items():
        check_metric(name)
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"weight {weight} of metric {name!r} cannot be used: give a finite number above 0.")
    return weights


def _score(logits: np.ndarray, labels: np.ndarray, weights: dict[str, float]) -> float:
    """Weighted goodness of a decision, higher is better; -inf where it is undefined."""
    total = 0.0
    for name, weight in weights.items():
        if name == "ece":
            predictions = softmax(logits / fit_temperature(logits, labels), axis=1)
        else:
            predictions = logits.argmax(axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a constant prediction, which some taus give
            value = METRICS[name](labels, predictions)
        if math.isnan(value):
            return -math.inf
        total += weight * METRICS[name].goodness(value)
    return round(total, 12)  # so that rounding breaks no tie
