"""Chooses temperature, tau and power on rows that the model was not trained on."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from blv_trainer.checks import labelled_rows
from blv_trainer.decision.costs import Decision, cost_matrix
from blv_trainer.decision.pooling import pool_labelled
from blv_trainer.decision.shifts import log_prior, raw
from blv_trainer.evaluation import confusion_metrics
from blv_trainer.metrics import METRICS, check_metric

logger = logging.getLogger(__name__)

# What "balanced" weighs, and how much accuracy it may cost on the rows tuned on.
BALANCED = {"macro_accuracy": 1.0, "qwk": 1.0, "macro_rmse": 0.5}
BALANCED_AT_LEAST = {"accuracy": -0.003}

_TAUS = np.round(np.arange(-1, 2.01, 0.1), 1) + 0.0  # -1 to 2; 1 takes the model's own prior off
POWERS = (0.0, 0.5, 1.0, 1.5, 2.0)
_TEMPERATURES = (0.05, 20.0)
# Rows. Tuned on 100 rows of each of six corpora (docs/evidence.md; cross-entropy on frozen MiniLM, 100 draws), it loses
# 1.6 points of accuracy on the others in place of 2.2, in the worst 5 % 5.8 in place of 7.8; on 800 rows .7 and .8.
_BELIEVED = 50


def tune(
    logits: ArrayLike,
    labels: ArrayLike,
    metric: str | Mapping[str, float] = "balanced",
    *,
    class_counts: ArrayLike | None,
    groups: Sequence[Any] | np.ndarray | None = None,
    at_least: Mapping[str, float] | None = None,
    powers: Sequence[float] = POWERS,
) -> Decision:
    """Choose temperature, tau and power for the best metric, on rows that the model was not trained on.

    The temperature is fitted first, by likelihood: a decision by cost needs calibrated probabilities. Then 31 values of
    tau, from -1 to 2, are tried with 5 of power, from 0 to 2. tau counts how often the log of the model's own mean
    probabilities is taken off (``prior_corrected``); one number for all classes, because free shifts of each class
    would fit the handful of rows that the rare ones have.

    What a decision is worth on n rows is judged by their labels with the weight n and, so that few rows do not lead it
    astray, by the calibrated probabilities of each level in place of the label with the weight of 50 rows.

    Args:
        logits: of the rows, ``(n, num_classes)``.
        labels: of the rows, ``(n,)``, class indices; -100 is left out.
        metric: "balanced", a key of ``METRICS``, or weights above 0 of several, such as ``{"macro_accuracy": 1, "qwk":
            1}``. Errors count negative, ``smd`` by its distance from 0. "balanced" is macro accuracy + QWK - macro
            RMSE / 2, with accuracy at most .003 below that of the largest logit.
        class_counts: training examples of each class, in label order, ``(num_classes,)``; with few rows the prior is
            drawn towards their shares. None where they are not known.
        groups: whose answer each row is, ``(n,)``; the decision is then tuned for whole groups, as ``pool`` joins
            those of their answers that have a label.
        at_least: by metric, how much better (or, below 0, worse) than the largest logit's value it must be:
            ``{"accuracy": -0.005}`` lets at most half a point of accuracy go, ``{"rmse": 0}`` no error be added: by
            the labels alone, and with the probabilities besides. What is undefined does not keep to it. ``{}`` for no
            bounds.
        powers: of the cost, to try; ``(0,)`` where the decision must be one that every head can hold (``fold``).

    Returns:
        The decision. Among equally good ones the smallest power and then the smallest |tau| wins. Where none keeps to
        ``at_least``, a warning says so and the largest logit decides.

    Raises:
        ValueError: an unknown metric, ``ece`` (which the temperature decides, not the answer), unusable weights,
            shapes or labels that do not fit, logits that are not finite, a group with two labels, or a metric that is
            undefined for every decision.

    Examples:
        >>> logits = [[2.0, 0.0], [2.0, 1.0], [2.0, 0.0], [1.9, 1.5]] * 10
        >>> decision = tune(logits, [0, 0, 0, 1] * 10, "macro_accuracy", class_counts=[90, 10])
        >>> decision.apply(logits).argmax(axis=1)[:4].tolist()
        [0, 0, 0, 1]
    """
    weights = metric_weights(metric)
    bounds = (BALANCED_AT_LEAST if metric == "balanced" else {}) if at_least is None else dict(at_least)
    for name in bounds:
        _check_tunable(name)
    logits, labels = labelled_rows(logits, labels) if groups is None else pool_labelled(logits, labels, groups)
    temperature = fit_temperature(logits, labels)
    prior, scaled = log_prior(class_counts, logits=logits, temperature=temperature), logits / temperature
    truths = _truths(scaled, labels)
    metrics = confusion_metrics(_confusions(scaled, truths, prior, powers))  # (2, num_powers, num_taus)
    largest = confusion_metrics(_met(truths, logits.argmax(axis=1)[:, None]))  # (2, 1)
    goodness = [weight * METRICS[name].goodness(metrics[name]) for name, weight in weights.items()]
    by_labels, score = np.round(np.sum(goodness, axis=0), 12)  # so that rounding breaks no tie
    score = np.where(np.isnan(by_labels), np.nan, score)
    if np.isnan(score).all():
        raise ValueError(
            f"{' + '.join(weights)} is undefined on these {len(labels)} labels whatever the decision: use more dev "
            "data, or another metric."
        )
    for name, bound in bounds.items():
        gain = METRICS[name].goodness(metrics[name]) - METRICS[name].goodness(largest[name])[..., None]
        score = np.where((gain >= bound - 1e-12).all(axis=0), score, np.nan)
    if np.isnan(score).all():
        logger.warning("no decision keeps to at_least=%s on %d rows: the largest logit decides.", bounds, len(labels))
        return raw(logits.shape[1])
    best = np.argwhere(score == np.nanmax(score)).tolist()
    i, j = min(best, key=lambda place: (powers[place[0]], abs(_TAUS[place[1]]), -_TAUS[place[1]]))
    shift = -_TAUS[j] * temperature * prior + 0.0  # in logit units; no negative zeros
    return _calibrated(Decision(tuple(shift), temperature, "tuned", float(_TAUS[j]), powers[i]), logits, labels)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature for which ``softmax(logits / temperature)`` gives the labels the highest likelihood.

    Args:
        logits: ``(n, num_classes)``.
        labels: ``(n,)``, class indices; -100 is left out.

    Returns:
        The temperature, from 0.05 to 20; a warning says where it ends at one of them.

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

    bounds = [math.log(bound) for bound in _TEMPERATURES]
    inside = minimize_scalar(negative_log_likelihood, bounds=bounds, method="bounded").x
    best = min([*bounds, inside], key=negative_log_likelihood)  # a bound where it is flat, with all labels certain
    found = math.exp(best)
    if best in bounds:
        causes = ("all have the largest logit", "tiny") if best < 0 else ("have little to do with the logits", "huge")
        logger.warning(
            "the temperature ends at its bound, %.3g: these %d labels %s, or the logits are %s. Probabilities are not "
            "calibrated: give more rows, not trained on, or logits of another scale.",
            *(found, len(labels), *causes),
        )
    return found


def _calibrated(decision: Decision, logits: np.ndarray, labels: np.ndarray) -> Decision:
    """The same answers, from scores that give the labels the highest likelihood."""
    if decision.power == 0:
        return replace(decision, temperature=fit_temperature(logits + decision.shift, labels))
    return replace(decision, sharpness=fit_temperature(decision.apply(logits), labels))


def _truths(scaled: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Each row's share in each level, ``(2, n, num_classes)``: by its label, and drawn towards its probabilities."""
    by_label = np.eye(scaled.shape[1])[labels]
    share = _BELIEVED / (len(labels) + _BELIEVED)
    return np.stack([by_label, (1 - share) * by_label + share * softmax(scaled, axis=1)])


def _confusions(scaled: np.ndarray, truths: np.ndarray, prior: np.ndarray, powers: Sequence[float]) -> np.ndarray:
    """Confusion matrices of all powers and taus, ``(2, num_powers, num_taus, num_classes, num_classes)``.

    The answer does not change when a row's probabilities are multiplied by one number, so exp(scaled - tau prior) need
    not be normalised, and the costs of all taus are one product of matrices.
    """
    num_classes = scaled.shape[1]
    weights = np.exp(-_TAUS[:, None] * (prior - prior.mean()))  # (num_taus, num_classes)
    p = np.exp(scaled - scaled.max(axis=1, keepdims=True))  # (n, num_classes)
    found = []
    for power in powers:
        if power == 0:
            gains = scaled[:, None] - _TAUS[:, None] * prior  # logarithms: exact where p underflows
            answers = gains.argmax(axis=2)  # (n, num_taus)
        else:
            costs = weights[:, :, None] * cost_matrix(num_classes, power)  # (num_taus, truth, answer)
            costs = p @ costs.transpose(1, 0, 2).reshape(num_classes, -1)
            answers = costs.reshape(len(p), len(_TAUS), num_classes).argmin(axis=2)
        found.append(_met(truths, answers))
    return np.stack(found, axis=1)


def _met(truths: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """What share of each level met each answer, of answers ``(n, k)``: ``(2, k, num_classes, num_classes)``."""
    levels = range(truths.shape[2])
    met = [truths.transpose(0, 2, 1) @ (answers == level).astype(truths.dtype) for level in levels]  # (2, truth, k)
    return np.stack(met, axis=-1).transpose(0, 2, 1, 3)


def metric_weights(metric: str | Mapping[str, float]) -> dict[str, float]:
    """What ``tune`` weighs.

    Args:
        metric: as ``tune`` takes it.

    Returns:
        The weight of each metric.

    Raises:
        ValueError: an unknown metric, ``ece``, no metric, or a weight that is not above 0.

    Examples:
        >>> metric_weights("qwk")
        {'qwk': 1.0}
    """
    if metric == "balanced":
        return BALANCED
    weights = {metric: 1.0} if isinstance(metric, str) else dict(metric)
    if not weights:
        raise ValueError("metric={} is empty: name one metric or more, such as {'macro_accuracy': 0.5, 'qwk': 0.5}.")
    for name, weight in weights.items():
        _check_tunable(name)
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"weight {weight} of metric {name!r} cannot be used: give a finite number above 0.")
    return weights


def _check_tunable(name: str) -> None:
    check_metric(name)
    if METRICS[name].of == "probabilities":
        raise ValueError(f"{name} judges probabilities, which the temperature makes, not the answer: name another.")
