"""Decisions that need no dev set: raw, training's shift added back, the prior taken off, and what theory says."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from torch import nn

from blv_trainer.checks import did_you_mean, whole_counts
from blv_trainer.decision.costs import Decision
from blv_trainer.losses import ImbalanceLoss

# (tau, power) for calibrated probabilities; derived in ``optimal``.
_OPTIMAL = {
    "accuracy": (0.0, 0.0),
    "macro_accuracy": (1.0, 0.0),
    "rmse": (0.0, 2.0),
    "pcc": (0.0, 2.0),
    "macro_rmse": (1.0, 2.0),
    "qwk": (0.5, 1.0),
}


def raw(num_classes: int) -> Decision:
    """The largest logit, as in the paper."""
    return Decision((0.0,) * num_classes, kind="raw")


def consistent(loss: nn.Module | None) -> Decision:
    """Add back what training added to the logits on average.

    For BLV it undoes what holds rare classes down. For ``logit_adjustment`` and ``gaussian_clouded``, which lower rare
    classes in training so that the raw decision favours them, it undoes that too. Losses that leave the logits alone
    (cross-entropy, class weights, margins, ordinal ones) have no shift.

    Args:
        loss: the loss that trained the model, as ``trainer.loss_fn``.

    Returns:
        The decision with shift ``loss.expected_shift()``.

    Raises:
        TypeError: a module that has no ``expected_shift()``.

    Examples:
        >>> from blv_trainer import build_loss
        >>> [round(value, 3) for value in consistent(build_loss("blv", [90, 10], sigma=6)).shift]
        [0.219, 4.787]
    """
    if not isinstance(loss, ImbalanceLoss):
        raise TypeError(
            f"{type(loss).__name__} does not say what it adds to the logits: derive it from blv_trainer.ImbalanceLoss "
            "and give it expected_shift(), or use tune()."
        )
    return Decision(tuple(loss.expected_shift().tolist()), kind="consistent")


def holds_rare_classes_down(shift: ArrayLike, class_counts: ArrayLike) -> bool:
    """Whether training that adds this shift leaves rare classes too small a logit, as BLV does.

    Args:
        shift: what training adds on average, ``loss.expected_shift()``, ``(num_classes,)``.
        class_counts: training examples of each class, in label order, ``(num_classes,)``.

    Returns:
        Whether it adds more to the rarest class than to the most frequent one.

    Examples:
        >>> holds_rare_classes_down([0.2, 4.8], [90, 10])
        True
    """
    shift = np.asarray(shift)
    return bool(shift[np.argmin(class_counts)] > shift[np.argmax(class_counts)])


def prior_corrected(
    class_counts: ArrayLike | None, tau: float = 1.0, *, logits: ArrayLike | None = None, temperature: float = 1.0
) -> Decision:
    """Take the class prior off: ``logits / temperature - tau log prior``.

    The prior is the model's own where logits are given, its mean probabilities: what a model gives a class need not be
    that class's share of the training rows, least of all for a tiny class or after a loss that shifts logits, and then
    taking the share off floods the predictions with that class.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``; may be None with logits.
        tau: how often; 1 makes all classes count the same (the best macro accuracy for well calibrated logits), 0 is
            the raw decision.
        logits: of rows that were not trained on, ``(n, num_classes)``; None to take the training shares.
        temperature: that calibrates the logits, as ``fit_temperature`` finds it.

    Returns:
        The decision.

    Raises:
        ValueError: class counts that are no whole numbers, or do not fit the logits.

    Reference:
        Menon et al.: Long-tail Learning via Logit Adjustment. ICLR 2021, Eq. 9. The mean probability as the prior:
        Saerens, Latinne, Decaestecker: Adjusting the Outputs of a Classifier to New a Priori Probabilities. Neural
        Computation 14(1), 2002 (the maximisation step of their algorithm).

    Examples:
        >>> [round(value, 3) for value in prior_corrected([9000, 1000]).shift]
        [0.11, 2.264]
    """
    shift = -tau * temperature * log_prior(class_counts, logits=logits, temperature=temperature)
    return Decision(tuple(shift), temperature, kind="prior_corrected", tau=float(tau))


def optimal(metric: str, class_counts: ArrayLike) -> Decision:
    """What theory says of calibrated probabilities, without a dev set.

    - ``accuracy``: a row counts when the answer is its level, so the most probable level (tau 0, power 0).
    - ``macro_accuracy``: a row of level j counts 1 / q_j, so the largest p_j / q_j (tau 1, power 0).
    - ``rmse``: the squared error is least at the mean of the probabilities, rounded (tau 0, power 2).
    - ``pcc``: no function of a text correlates better with its level than the mean does (tau 0, power 2). Rounding
      takes some of that away, up to .03 on simulated levels; ``tune`` finds what is left.
    - ``macro_rmse``: as ``rmse`` with rows of level j counting 1 / q_j (tau 1, power 2; the square root that is taken
      in each class apart leaves this exact only where the classes' errors are alike).
    - ``qwk``: with m the mean of all levels, 2 cov / (var + var + bias^2) is greatest for the mean of a text's
      probabilities stretched about m, m + (mean - m) / qwk, rounded: the answers then vary as much as the levels do.
      No tau does exactly that. For normal levels and errors with correlation r, tau = 1 / (1 + r) does before rounding,
      and the median reaches the ends of the scale, from which the rounded mean shrinks (tau 1/2, power 1). Over 300
      simulated populations this is .012 below the exact rule on average, and less than .026 in 95 % of them; power 2 is
      .026 and .069 below.

    Args:
        metric: one of these names.
        class_counts: training examples of each class, in label order, ``(num_classes,)``, for the prior q.

    Returns:
        The decision, at temperature 1: calibrate first (``fit_temperature``) where the model is sure of itself.

    Raises:
        ValueError: a metric for which no such rule holds, or class counts that are no whole numbers.

    Reference:
        Accuracy, squared error: Berger, Statistical Decision Theory and Bayesian Analysis, 1985, section 4.4. Macro
        accuracy: Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021. Correlation: Renyi, On Measures of
        Dependence, Acta Mathematica Academiae Scientiarum Hungaricae 10, 1959 (the correlation ratio). QWK is Lin's
        concordance coefficient of the two scores: King, Chinchilli, Statistics in Medicine 20, 2001.

    Examples:
        >>> decision = optimal("macro_rmse", [9000, 900, 100])
        >>> decision.tau, decision.power
        (1.0, 2.0)
    """
    if metric not in _OPTIMAL:
        raise ValueError(
            f"there is no decision by theory for metric={metric!r}. Choose from: {', '.join(_OPTIMAL)}; or let tune() "
            f"find one.{did_you_mean(metric, _OPTIMAL)}"
        )
    tau, power = _OPTIMAL[metric]
    shift = -tau * log_prior(class_counts)
    return Decision(tuple(shift), kind=f"optimal for {metric}", tau=tau, power=power)


def log_prior(
    class_counts: ArrayLike | None, *, logits: ArrayLike | None = None, temperature: float = 1.0
) -> np.ndarray:
    """Logarithm of each class's prior, ``(num_classes,)``: the training share, or the mean probability of logits.

    Both are drawn a little towards what is known without them, with the weight of sqrt(n) rows: the shares towards
    equal ones (the minimax estimate of a multinomial for squared error: Steinhaus, The Problem of Estimation, Annals of
    Mathematical Statistics 28, 1957), the mean probabilities towards the shares. So no class has a prior of 0, and a
    tiny one none that a row would overturn.
    """
    counts = None if class_counts is None and logits is not None else np.array(whole_counts(class_counts))
    num_classes = np.asarray(logits).shape[-1] if counts is None else len(counts)
    prior = np.full(num_classes, 1 / num_classes)
    if counts is not None:
        prior = (counts + np.sqrt(counts.sum()) * prior) / (counts.sum() + np.sqrt(counts.sum()))
    if logits is not None:
        logits = np.asarray(logits, dtype=np.float64)
        if logits.shape[-1] != num_classes:
            raise ValueError(f"{num_classes} class_counts do not fit logits of {logits.shape[-1]} classes.")
        probabilities = softmax(logits / temperature, axis=1)
        n = len(logits)
        prior = (probabilities.sum(axis=0) + np.sqrt(n) * prior) / (n + np.sqrt(n))
    return np.log(prior)
