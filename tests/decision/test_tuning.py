"""The choice of temperature, tau and power, against a plain loop; and what is left out, bounded, refused or logged."""

import logging
import math
import re
import time
import warnings

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics

from blv_trainer.decision import fit_temperature, pool, raw, tune, tuning
from blv_trainer.metrics import METRICS

COUNTS = [600, 300, 80, 20]
TAUS = [round(-1 + 0.1 * k, 1) for k in range(31)]
POWERS = [0, 0.5, 1, 1.5, 2]


def invented(num_rows, seed=0, *, scale=1.0, counts=COUNTS):
    """Logits of a model of ordered, long-tailed levels, calibrated at scale 1, and the labels."""
    rng, num_classes = np.random.default_rng(seed), len(counts)
    q = np.array(counts) / sum(counts)
    labels = rng.choice(num_classes, size=num_rows, p=q)
    score = labels + rng.normal(scale=0.9, size=num_rows)
    logits = -((score[:, None] - np.arange(num_classes)) ** 2) / (2 * 0.9**2) + np.log(q)
    return scale * logits, labels


@pytest.fixture(scope="module")
def dev():
    """400 rows of a model that is surer than it should be."""
    return invented(400, scale=2)


def answers_by_hand(logits, labels):
    """What each power and tau answers, in the order in which ties are decided, by loops over rows and classes."""
    n, num_classes = logits.shape

    def slope(temperature):  # of the likelihood
        p = np.exp(logits / temperature)
        return np.mean(logits[np.arange(n), labels] - (p * logits).sum(axis=1) / p.sum(axis=1))

    p = np.exp(logits / scipy.optimize.brentq(slope, 0.3, 6))
    p /= p.sum(axis=1, keepdims=True)
    shares = [(count + math.sqrt(sum(COUNTS)) / 4) / (sum(COUNTS) + math.sqrt(sum(COUNTS))) for count in COUNTS]
    prior = [(p[:, k].sum() + math.sqrt(n) * shares[k]) / (n + math.sqrt(n)) for k in range(num_classes)]
    answers = {}
    for power in POWERS:
        cost = [[abs(k - j) ** power if k != j else 0.0 for j in range(num_classes)] for k in range(num_classes)]
        for tau in sorted(TAUS, key=lambda tau: (abs(tau), -tau)):
            found = []
            for row in p.tolist():
                weighed = [row[j] / prior[j] ** tau for j in range(num_classes)]
                costs = [sum(c * w for c, w in zip(of, weighed, strict=True)) for of in cost]
                found.append(costs.index(min(costs)))
            answers[power, tau] = np.array(found)
    return answers, p


@pytest.fixture(scope="module")
def by_hand(dev):
    """The answers, and the calibrated probabilities."""
    return answers_by_hand(*dev)


def goodness(name, labels, answers):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a constant answer leaves a metric undefined
        value = METRICS[name](labels, answers)
    return {"higher": value, "lower": -value, "near 0": -abs(value)}[METRICS[name].better]


def weighted(name, labels, answers, weights):
    """A metric in which each pair of a label and an answer counts as often as its weight says."""
    error, n = np.abs(labels - answers), weights.sum()
    if name.startswith("macro_") and name != "macro_f1":
        of_level = name.removeprefix("macro_")
        present = np.unique(labels[weights > 0])
        return np.mean([weighted(of_level, *(of[labels == k] for of in (labels, answers, weights))) for k in present])
    values = {
        "accuracy": lambda: np.average(error == 0, weights=weights),
        "adjacent_accuracy": lambda: np.average(error <= 1, weights=weights),
        "rmse": lambda: np.average(error**2, weights=weights) ** 0.5,
        "pcc": lambda: (
            np.cov(labels, answers, aweights=weights)[0, 1]
            / math.prod(np.cov(of, aweights=weights) for of in (labels, answers)) ** 0.5
        ),
        "qwk": lambda: sklearn.metrics.cohen_kappa_score(labels, answers, weights="quadratic", sample_weight=weights),
        "smd": lambda: (
            (np.average(answers, weights=weights) - np.average(labels, weights=weights))
            / (np.cov(labels, aweights=weights, ddof=0) * n / (n - 1)) ** 0.5
        ),
        "macro_f1": lambda: sklearn.metrics.f1_score(labels, answers, average="macro", sample_weight=weights),
    }
    return values[name]()


def drawn_goodness(name, labels, answers, p):
    """As ``goodness``, with each row's probabilities counting as 50 / n labels beside its own."""
    n, num_classes = p.shape
    weights = 50 / n * p
    weights[np.arange(n), labels] += 1
    levels = np.tile(np.arange(num_classes), n)
    value = weighted(name, levels, answers.repeat(num_classes), weights.ravel() * n / (n + 50))
    return {"higher": value, "lower": -value, "near 0": -abs(value)}[METRICS[name].better]


def best_by_hand(labels, by_hand, weights, at_least=()):
    best, (answers, p) = (-math.inf, None), by_hand
    for place, found in answers.items():
        if any(math.isnan(goodness(name, labels, found)) for name in weights):
            continue
        value = sum(weight * drawn_goodness(name, labels, found, p) for name, weight in weights.items())
        kept = all(
            judge(name, labels, found, *more) - judge(name, labels, answers[0, 0.0], *more) >= bound - 1e-9
            for name, bound in dict(at_least).items()
            for judge, *more in ((goodness,), (drawn_goodness, p))
        )
        if kept and value > best[0] + 1e-10:
            best = value, place
    return best[1]


# ---- What it chooses


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"ece"}))
def test_it_finds_what_a_plain_loop_over_tau_and_power_finds(dev, by_hand, name):
    chosen = tune(*dev, name, class_counts=COUNTS)
    assert (chosen.power, chosen.tau) == best_by_hand(dev[1], by_hand, {name: 1})
    assert chosen.kind == "tuned"


@pytest.mark.parametrize("name", ["macro_accuracy", "qwk", "rmse"])
def test_apply_gives_the_answers_that_were_judged(dev, by_hand, name):
    chosen = tune(*dev, name, class_counts=COUNTS)
    assert np.array_equal(chosen.apply(dev[0]).argmax(axis=1), by_hand[0][chosen.power, chosen.tau])


def test_by_default_it_weighs_three_metrics_and_bounds_the_loss_of_accuracy(dev, by_hand):
    logits, labels = dev
    weights = {"macro_accuracy": 1, "qwk": 1, "macro_rmse": 0.5}
    bounded = best_by_hand(labels, by_hand, weights, {"accuracy": -0.003})
    unbounded = best_by_hand(labels, by_hand, weights)
    assert bounded != unbounded  # else the bound is not seen
    chosen = tune(logits, labels, class_counts=COUNTS)
    assert (chosen.power, chosen.tau) == bounded
    assert tune(logits, labels, "balanced", class_counts=COUNTS) == chosen
    chosen = tune(logits, labels, class_counts=COUNTS, at_least={})
    assert (chosen.power, chosen.tau) == unbounded


@pytest.mark.parametrize(
    "at_least", [{"accuracy": -0.01}, {"rmse": 0}, {"rmse": -0.02, "qwk": 0.01}, {"smd": 0}], ids=str
)
def test_bounds_hold_for_metrics_of_which_more_is_better_and_of_which_less_is(dev, by_hand, at_least):
    logits, labels = dev
    chosen = tune(logits, labels, "macro_accuracy", class_counts=COUNTS, at_least=at_least)
    assert (chosen.power, chosen.tau) == best_by_hand(labels, by_hand, {"macro_accuracy": 1}, at_least)
    decided = chosen.apply(logits).argmax(axis=1)
    for name, bound in at_least.items():
        raw_goodness = goodness(name, labels, logits.argmax(axis=1))
        assert goodness(name, labels, decided) >= raw_goodness + bound - 1e-9


def test_where_no_decision_keeps_to_the_bounds_the_largest_logit_decides_and_a_warning_says_so(dev, caplog):
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        assert tune(*dev, "qwk", class_counts=COUNTS, at_least={"accuracy": 0.5}) == raw(4)
    assert "no decision keeps to at_least={'accuracy': 0.5} on 400 rows" in caplog.text


def test_what_is_undefined_does_not_keep_to_a_bound():
    # Raw answers vary by one row; without it they are all 0, which is better for accuracy and has no correlation.
    logits, labels = np.array([[2.0, 0.0]] * 8 + [[0.0, 0.1]] * 2), [0] * 7 + [1, 0, 0]
    assert len(set(tune(logits, labels, "accuracy", class_counts=[8, 2]).apply(logits).argmax(axis=1))) == 1
    chosen = tune(logits, labels, "accuracy", class_counts=[8, 2], at_least={"pcc": -0.5})
    assert len(set(chosen.apply(logits).argmax(axis=1))) == 2


def test_weights_mix_metrics_with_errors_counting_negative(dev, by_hand):
    chosen = tune(*dev, {"macro_accuracy": 0.5, "macro_rmse": 2}, class_counts=COUNTS)
    assert (chosen.power, chosen.tau) == best_by_hand(dev[1], by_hand, {"macro_accuracy": 0.5, "macro_rmse": 2})


def test_of_given_powers_the_best_is_chosen(dev, by_hand):
    logits, labels = dev
    for powers in ((0,), (2, 1)):
        chosen = tune(logits, labels, "rmse", class_counts=COUNTS, powers=powers)
        tried = {place: answers for place, answers in by_hand[0].items() if place[0] in powers}
        assert (chosen.power, chosen.tau) == best_by_hand(labels, (tried, by_hand[1]), {"rmse": 1})


def test_calibrated_logits_need_no_correction_for_accuracy_and_one_for_macro_accuracy():
    logits, labels = invented(20_000)
    assert abs(tune(logits, labels, "accuracy", class_counts=COUNTS).tau) <= 0.3
    of_macro = tune(logits, labels, "macro_accuracy", class_counts=COUNTS)
    assert 0.6 <= of_macro.tau <= 1.4
    assert of_macro.power <= 0.5


def test_unknown_class_counts_draw_the_prior_to_equal_shares(dev):
    # Of many rows the model's own mean probabilities are the prior, whatever the training shares.
    logits, labels = np.tile(dev[0], (50, 1)), np.tile(dev[1], 50)
    without, given = (tune(logits, labels, "qwk", class_counts=counts) for counts in (None, COUNTS))
    assert (without.tau, without.power) == (given.tau, given.power)
    np.testing.assert_allclose(without.shift, given.shift, atol=0.3)


def test_among_equally_good_ones_the_smallest_power_and_then_the_smallest_tau_win():
    chosen = tune([[9.0, 0.0], [0.0, 9.0], [5.0, 0.0]], [0, 1, 1], "accuracy", class_counts=[60, 40])
    assert (chosen.tau, chosen.power) == (0, 0)


def test_a_decision_that_leaves_the_metric_undefined_is_passed_over():
    logits, labels = np.array([[9.0, 0.0], [1.0, 0.0], [1.2, 0.0]]), [0, 1, 1]
    chosen = tune(logits, labels, "pcc", class_counts=[90, 10])  # the largest logit is always that of class 0
    assert chosen.apply(logits).argmax(axis=1).tolist() == [0, 1, 1]


def test_few_rows_lead_it_less_astray_than_their_labels_alone_would(monkeypatch):
    logits, labels = invented(10_000)
    accuracy, found = (logits.argmax(axis=1) == labels).mean(), {}
    for believed in (0, tuning._BELIEVED):
        monkeypatch.setattr(tuning, "_BELIEVED", believed)
        of_draws = []
        for few in np.arange(2_400).reshape(60, 40):  # 60 times tuned on 40 rows, judged on all
            answers = tune(logits[few], labels[few], class_counts=COUNTS).apply(logits).argmax(axis=1)
            worth = sum(weight * goodness(name, labels, answers) for name, weight in tuning.BALANCED.items())
            of_draws.append(((answers == labels).mean() - accuracy, worth))
        found[believed] = *np.mean(of_draws, axis=0), np.quantile(of_draws, 0.1, axis=0)[1]
    (lost_before, mean_before, low_before), (lost, mean, low) = found.values()
    assert lost_before < -0.02 < lost
    assert mean > mean_before
    assert low > low_before + 0.05


# ---- Groups


@pytest.fixture(scope="module")
def speakers():
    """Four answers each of 150 speakers, shuffled, and who gave them."""
    of_speakers, labels = invented(150, seed=3)
    rng = np.random.default_rng(4)
    order = rng.permutation(600)
    logits = (of_speakers.repeat(4, axis=0) + rng.normal(scale=2, size=(600, 4)))[order]
    return logits, labels.repeat(4)[order], [f"S{k}" for k in np.arange(150).repeat(4)[order]]


def test_groups_are_tuned_as_their_pooled_logits_are_by_hand(speakers):
    logits, labels, groups = speakers
    names, pooled = pool(logits, groups)
    of_groups = [labels[groups.index(name)] for name in names]
    by_hand = tune(pooled, of_groups, class_counts=COUNTS)
    assert tune(logits, labels, class_counts=COUNTS, groups=groups) == by_hand
    assert tune(logits, labels, class_counts=COUNTS, groups=np.array(groups)) == by_hand
    assert by_hand != tune(logits, labels, class_counts=COUNTS)


def test_a_group_with_two_labels_is_refused(speakers):
    logits, labels, groups = speakers
    torn = np.where(np.arange(600) == groups.index("S7"), (labels + 1) % 4, labels)
    with pytest.raises(ValueError, match="group 'S7' has two labels, . and .: whole groups are decided only where"):
        tune(logits, torn, class_counts=COUNTS, groups=groups)
    with pytest.raises(ValueError, match="599 groups do not fit 600 rows"):
        tune(logits, labels, class_counts=COUNTS, groups=groups[:-1])


def test_answers_without_a_label_are_left_out_before_groups_are_pooled(speakers):
    logits, labels, groups = speakers
    chosen = tune(logits, labels, class_counts=COUNTS, groups=groups)
    padded = np.vstack([np.full((3, 4), 1e6), logits]), np.append([-100] * 3, labels)
    assert tune(*padded, class_counts=COUNTS, groups=["S7", "S8", "nobody", *groups]) == chosen
    with pytest.raises(ValueError, match="602 groups do not fit 603 rows"):
        tune(*padded, class_counts=COUNTS, groups=["S7", "S8", *groups])


def test_rows_without_a_label_are_left_out(dev):
    logits, labels = dev
    chosen = tune(logits, labels, "macro_f1", class_counts=COUNTS)
    padded = np.vstack([logits, 1e6 * np.ones((2, 4))]), np.append(labels, [-100, -100])
    assert tune(*padded, "macro_f1", class_counts=COUNTS) == chosen


# ---- Temperatures


def likelihood(scores, labels):
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return log_p[np.arange(len(labels)), labels].mean()


@pytest.mark.parametrize("name", ["accuracy", "qwk", "rmse"])
def test_the_scores_of_the_decision_give_the_labels_the_highest_likelihood(dev, name):
    chosen = tune(*dev, name, class_counts=COUNTS)
    scores = chosen.apply(dev[0])
    assert likelihood(scores, dev[1]) > max(likelihood(factor * scores, dev[1]) for factor in (0.98, 1.02))


def test_temperature_undoes_a_scaling_of_calibrated_logits():
    logits, labels = invented(400)
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.15)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3 * fit_temperature(logits, labels), rel=1e-3)


def test_a_scaling_of_all_logits_changes_no_answer(dev):
    chosen, of_scaled = (tune(factor * dev[0], dev[1], class_counts=COUNTS) for factor in (1, 3))
    assert (of_scaled.tau, of_scaled.power) == (chosen.tau, chosen.power)
    np.testing.assert_allclose(of_scaled.apply(3 * dev[0]), chosen.apply(dev[0]), rtol=1e-3)


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (9 * np.eye(3), [0, 1, 2], "its bound, 0.05: these 3 labels all have the largest logit, or the"),
        (np.eye(3), [0, 1, 2], "its bound, 0.05: these 3 labels all have the largest logit"),
        (1e-3 * np.eye(4)[[0, 1, 2, 3, 0]], [0, 1, 2, 3, 1], "its bound, 0.05: .*, or the logits are tiny"),
        (np.eye(2)[[0, 0, 1, 1]], [0, 1, 0, 1], "its bound, 20: these 4 labels have little to do with the logits"),
        (1e4 * np.eye(2)[[0, 0, 0, 1]], [0, 0, 1, 1], "its bound, 20: .*, or the logits are huge.* another scale"),
    ],
)
def test_a_temperature_at_its_bound_is_logged(logits, labels, message, caplog):
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        fit_temperature(logits, np.array(labels))
    assert re.search(f"the temperature ends at {message}", caplog.text)


def test_a_temperature_within_its_bounds_is_not(dev, caplog):
    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        tune(*dev, class_counts=COUNTS)
    assert caplog.text == ""


# ---- Speed, and what is refused


@pytest.mark.slow
def test_a_choice_on_five_folds_of_10_000_rows_and_eight_classes_takes_less_than_two_seconds():
    logits, labels = invented(10_000, counts=[13, 150, 400, 900, 1500, 1600, 1000, 427])
    start = time.process_time()
    for fold in range(5):
        kept = np.arange(10_000) % 5 != fold
        tune(logits[kept], labels[kept], class_counts=np.bincount(labels[kept], minlength=8))
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"metric": "macro_acuracy"},
            r"metric='macro_acuracy' is unknown. Choose from: .* Did you mean 'macro_accuracy'",
        ),
        ({"metric": {}}, r"metric=\{\} is empty"),
        ({"metric": {"qwk": -1}}, r"weight -1 of metric 'qwk' cannot be used: give a finite number above 0"),
        ({"metric": "ece"}, "ece judges probabilities, which the temperature makes, not the answer: name another"),
        ({"metric": {"qwk": 1, "ece": 1}}, "ece judges probabilities"),
        ({"at_least": {"ece": 0}}, "ece judges probabilities"),
        ({"at_least": {"acuracy": 0}}, "metric='acuracy' is unknown"),
        ({"labels": [1, 1, 1], "metric": "pcc"}, "pcc is undefined on these 3 labels whatever the decision"),
        ({"labels": [0, 1, 2]}, r"labels \[2\] are out of range"),
        ({"labels": [-100] * 3}, "none of 3 rows has a label"),
        ({"logits": [[0.0, math.nan]] * 3}, r"3 of 3 rows of logits hold NaN or infinity"),
        ({"class_counts": [1, 2, 3]}, r"3 class_counts do not fit logits of 2 classes"),
    ],
)
def test_unusable_input_is_refused(change, message):
    usable = {"logits": np.zeros((3, 2)), "labels": [0, 1, 1], "metric": "qwk", "class_counts": [2, 1]}
    arguments = {**usable, **change}
    with pytest.raises(ValueError, match=message):
        tune(arguments.pop("logits"), arguments.pop("labels"), arguments.pop("metric"), **arguments)
