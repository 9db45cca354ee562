import logging
import math
import re

import numpy as np
import pytest
import scipy.optimize

from blv_trainer.decision import fit_temperature, prior_corrected, tune
from blv_trainer.decision.tuning import TAUS
from blv_trainer.metrics import METRICS

COUNTS = [600, 300, 80, 20]


@pytest.fixture
def dev():
    """Logits of a calibrated model on 400 dev rows of four ordered, long-tailed levels."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, size=400, p=np.array(COUNTS) / 1000)
    score = labels + rng.normal(scale=0.9, size=400)
    logits = -((score[:, None] - np.arange(4)) ** 2) / (2 * 0.9**2) + np.log(np.array(COUNTS) / 1000)
    return logits, labels


def best_by_hand(logits, labels, goodness, taus):
    log_prior = [math.log(count / sum(COUNTS)) for count in COUNTS]
    best = None
    for tau in sorted(taus, key=lambda tau: (abs(tau), -tau)):
        predicted = np.array([max(range(4), key=lambda k, row=row: row[k] - tau * log_prior[k]) for row in logits])
        value = goodness(labels, predicted)
        if best is None or value > best[0] + 1e-12:
            best = value, tau
    return best[1]


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"ece"}))
def test_it_finds_what_a_plain_loop_over_tau_finds(dev, name):
    def goodness(labels, predicted):
        value = METRICS[name](labels, predicted)
        better = re.search(r"Better:\s+(lower|higher|nearer 0)", METRICS[name].function.__doc__).group(1)
        return {"higher": value, "lower": -value, "nearer 0": -abs(value)}[better]

    taus = np.linspace(-1, 2, 31)
    assert tune(*dev, name, class_counts=COUNTS, taus=taus).tau == best_by_hand(*dev, goodness, taus)


def test_ece_is_compared_at_the_temperature_of_each_tau(dev):
    logits, labels = dev
    errors = {}
    for tau in np.linspace(-1, 2, 13):
        decided = prior_corrected(COUNTS, tau).apply(logits)
        exponentials = np.exp(decided / fit_temperature(decided, labels))
        errors[tau] = METRICS["ece"](labels, exponentials / exponentials.sum(axis=1, keepdims=True))
    assert tune(*dev, "ece", class_counts=COUNTS, taus=list(errors)).tau == min(errors, key=errors.get)


def test_weights_mix_metrics_with_errors_counting_negative(dev):
    def goodness(labels, predicted):
        return 0.5 * METRICS["macro_accuracy"](labels, predicted) - 2 * METRICS["macro_rmse"](labels, predicted)

    chosen = tune(*dev, {"macro_accuracy": 0.5, "macro_rmse": 2}, class_counts=COUNTS)
    assert chosen.tau == best_by_hand(*dev, goodness, TAUS)


def test_calibrated_logits_need_no_correction_for_accuracy_and_one_for_macro_accuracy(dev):
    assert abs(tune(*dev, "accuracy", class_counts=COUNTS).tau) < 0.5
    assert tune(*dev, "macro_accuracy", class_counts=COUNTS).tau > 0.5


def test_the_decision_is_prior_correction_with_that_tau(dev):
    logits, labels = dev
    chosen = tune(logits, labels, "qwk", class_counts=COUNTS)
    np.testing.assert_allclose(chosen.shift, prior_corrected(COUNTS, chosen.tau).shift)
    assert chosen.kind == "tuned"
    assert chosen.temperature == pytest.approx(fit_temperature(logits + chosen.shift, labels))


def test_among_equally_good_taus_the_smallest_wins_and_then_the_positive_one():
    logits, labels = [[9.0, 0.0], [0.0, 9.0]], [0, 1]
    assert tune(logits, labels, "accuracy", class_counts=[60, 40]).tau == 0
    assert tune(logits, labels, "accuracy", class_counts=[60, 40], taus=[-0.5, 0.5, 1]).tau == 0.5


def test_a_tau_that_makes_the_metric_undefined_is_passed_over():
    logits, labels = np.array([[9.0, 0.0], [1.0, 0.0], [1.2, 0.0]]), [0, 1, 1]
    assert tune(logits, labels, "pcc", class_counts=[90, 10], taus=[0, 0.1, 1]).tau == 1  # 0 and 0.1: all class 0


def test_a_metric_undefined_for_every_tau_is_an_error():
    with pytest.raises(ValueError, match="pcc is undefined on these 3 labels whatever the decision"):
        tune(np.zeros((3, 2)), [1, 1, 1], "pcc", class_counts=[90, 10])


def test_rows_without_a_label_are_left_out(dev):
    logits, labels = dev
    chosen = tune(logits, labels, "macro_f1", class_counts=COUNTS)
    padded = np.vstack([logits, 1e6 * np.ones((2, 4))]), np.append(labels, [-100, -100])
    assert tune(*padded, "macro_f1", class_counts=COUNTS) == chosen


@pytest.mark.parametrize("taus", [[0, 0.1], [0.5, 1.0]])
def test_a_tau_at_the_end_of_the_range_is_logged(dev, taus, caplog):
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        tune(*dev, "macro_accuracy", class_counts=COUNTS, taus=taus)
    assert f"tau={taus[-1]:g} is the last value tried" in caplog.text


def test_temperature_undoes_a_scaling_of_calibrated_logits(dev):
    logits, labels = dev
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.15)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3 * fit_temperature(logits, labels), rel=1e-3)


def test_temperature_is_where_the_slope_of_the_likelihood_vanishes(dev):
    logits, labels = dev

    def slope(temperature):
        p = np.exp(logits / temperature)
        expected = (p * logits).sum(axis=1) / p.sum(axis=1)
        return np.mean(logits[np.arange(len(labels)), labels] - expected)

    assert fit_temperature(logits, labels) == pytest.approx(scipy.optimize.brentq(slope, 0.3, 3), rel=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"metric": "macro_acuracy"},
            r"metric='macro_acuracy' is unknown. Choose from: .* Did you mean 'macro_accuracy'",
        ),
        ({"metric": {}}, r"metric=\{\} is empty"),
        ({"metric": {"qwk": -1}}, r"weight -1 of metric 'qwk' cannot be used: give a finite number above 0"),
        ({"logits": [[0.0, math.nan]] * 3}, r"3 of 3 rows of logits hold NaN or infinity"),
        ({"class_counts": [1, 2, 3]}, r"3 class_counts do not fit logits of 2 classes"),
    ],
)
def test_unusable_input_is_refused(change, message):
    usable = {"logits": np.zeros((3, 2)), "labels": [0, 1, 1], "metric": "qwk", "class_counts": [2, 1]}
    arguments = {**usable, **change}
    with pytest.raises(ValueError, match=message):
        tune(arguments.pop("logits"), arguments.pop("labels"), arguments.pop("metric"), **arguments)
