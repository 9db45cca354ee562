"""Decisions without a dev set: what they add, and that theory's are the best where the probabilities are true."""

import math

import numpy as np
import pytest
import torch

from blv_trainer.decision import Decision, consistent, optimal, prior_corrected, raw
from blv_trainer.evaluation import confusion_metrics
from blv_trainer.losses import LOSSES, build_loss

COUNTS = [60, 30, 10]
SMOOTHED = [(60 + 10 / 3) / 110, (30 + 10 / 3) / 110, (10 + 10 / 3) / 110]  # drawn to equal shares by sqrt(100) rows


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_consistent_adds_back_what_training_adds_on_average(name):
    loss = build_loss(name, COUNTS)
    torch.manual_seed(0)
    added = torch.stack([loss.adjust_logits(torch.zeros(1, 3))[0] for _ in range(4000)]).mean(dim=0)
    np.testing.assert_allclose(consistent(loss).shift, added.numpy(), atol=0.25)


def test_consistent_decision_restores_the_level_that_balanced_logits_hide():
    # A model whose logits plus the shift it was trained with are right everywhere.
    loss = build_loss("logit_adjustment", COUNTS)
    logits = np.log([[0.5, 0.3, 0.2]]) - loss.expected_shift().numpy()
    assert logits.argmax() == 2
    decision = consistent(loss)
    assert decision.apply(logits).argmax() == 0
    assert (decision.kind, decision.temperature, decision.tau, decision.power) == ("consistent", 1, None, 0)


# ---- The prior taken off


def softmax(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_without_logits_probabilities_are_divided_by_the_smoothed_shares_to_the_tau(tau):
    p = np.array([0.7, 0.2, 0.1])
    np.testing.assert_allclose(np.exp(prior_corrected(COUNTS, tau).apply(np.log(p))), p / np.array(SMOOTHED) ** tau)
    assert prior_corrected(COUNTS) == prior_corrected(COUNTS, 1.0)


@pytest.mark.parametrize(("counts", "towards"), [(COUNTS, SMOOTHED), (None, [1 / 3] * 3)])
def test_with_logits_they_are_divided_by_the_models_own_mean_probabilities(counts, towards):
    logits = np.random.default_rng(0).normal([4, 2, 0], size=(400, 3))
    mean = softmax(logits / 1.5).mean(axis=0)
    prior = (400 * mean + 20 * np.array(towards)) / 420
    decision = prior_corrected(counts, 0.5, logits=logits, temperature=1.5)
    np.testing.assert_allclose(decision.apply(logits), logits / 1.5 - 0.5 * np.log(prior))
    assert (decision.kind, decision.temperature, decision.tau) == ("prior_corrected", 1.5, 0.5)


def test_logits_without_a_signal_leave_nothing_but_the_prior_and_all_classes_then_count_the_same():
    logits = np.tile(np.log([0.7, 0.2, 0.1]), (10**6, 1))
    np.testing.assert_allclose(np.ptp(prior_corrected(None, logits=logits).apply(logits)), 0, atol=0.01)


@pytest.fixture
def flooded():
    """Labels of eight levels, the lowest with 13 of 5,990 rows, and logits that give it 3 % whatever the row."""
    counts = np.array([13, 150, 400, 900, 1500, 1600, 1000, 427])
    rng = np.random.default_rng(0)
    labels = rng.choice(8, 3000, p=counts / counts.sum())
    score = labels + rng.normal(scale=1.3, size=3000)
    logits = -((score[:, None] - np.arange(8)) ** 2) / (2 * 1.3**2) + np.log(counts / counts.sum())
    others = np.log(np.exp(logits[:, 1:]).sum(axis=1))
    logits[:, 0] = others + math.log(0.03) + rng.normal(scale=0.3, size=3000)
    return logits, labels, counts


def test_a_tiny_class_that_the_model_overrates_floods_the_answers_by_its_share_and_not_by_the_models_mean(flooded):
    logits, labels, counts = flooded

    def accuracy(decision):
        return (decision.apply(logits).argmax(axis=1) == labels).mean()

    by_share, by_mean = prior_corrected(counts), prior_corrected(counts, logits=logits)
    assert accuracy(by_share) < accuracy(raw(8)) - 0.25
    assert (by_share.apply(logits).argmax(axis=1) == 0).mean() > 0.7
    assert accuracy(by_mean) > accuracy(raw(8)) - 0.08
    assert (by_mean.apply(logits).argmax(axis=1) == 0).mean() < 0.1


def test_a_class_without_training_rows_has_a_prior_too():
    smoothed = np.array([50 + 10 / 3, 10 / 3, 50 + 10 / 3]) / 110
    np.testing.assert_allclose(prior_corrected([50, 0, 50]).shift, -np.log(smoothed))
    assert optimal("macro_accuracy", [50, 0, 50]).shift == prior_corrected([50, 0, 50]).shift


# ---- Theory


def population(seed):
    """The true probabilities of 3,000 texts over three to eight levels, and of each level: ``(n, K)``, ``(K,)``."""
    rng = np.random.default_rng(seed)
    num_classes, noise = int(rng.integers(3, 9)), rng.uniform(0.5, 2)
    q = rng.dirichlet(np.full(num_classes, rng.choice([0.7, 1.5, 5.0]))) + 0.003
    levels = np.arange(num_classes)
    score = rng.choice(levels, 3000, p=q / q.sum()) + rng.normal(scale=noise, size=3000)
    logits = -((score[:, None] - levels) ** 2) / (2 * noise**2) + np.log(q)
    if seed % 2:  # not as smooth as errors of a normal distribution make them
        logits += rng.normal(size=logits.shape)
    p = softmax(logits)
    return p, p.mean(axis=0)


def expected(p, answers):
    """All metrics, and the macro mean squared error, as they are expected over the labels of all these texts."""
    confusion = np.stack([p[answers == k].sum(axis=0) for k in range(p.shape[1])], axis=1)  # rows = labels
    distance = np.arange(p.shape[1])[:, None] - np.arange(p.shape[1])
    values = {name: float(value) for name, value in confusion_metrics(confusion).items()}
    return values | {"macro_mse": ((confusion * distance**2).sum(axis=1) / confusion.sum(axis=1)).mean()}


def answers_of(p, metric):
    counts = np.round(1e12 * p.mean(axis=0))  # so many that smoothing does nothing
    return optimal(metric, counts).apply(np.log(p)).argmax(axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_no_tau_and_power_beats_theory_where_the_probabilities_are_true(seed):
    p, q = population(seed)
    best = {}
    for tau in np.arange(-0.5, 1.55, 0.1):
        for power in (0, 0.5, 1, 1.5, 2, 3):
            found = expected(p, Decision(-tau * np.log(q), power=power).apply(np.log(p)).argmax(axis=1))
            for name, value in found.items():
                goodness = -value if name in ("rmse", "macro_rmse", "macro_mse") else value
                best[name] = np.nanmax([best.get(name, np.nan), goodness])
    for metric in ("accuracy", "macro_accuracy"):
        assert expected(p, answers_of(p, metric))[metric] >= best[metric] - 1e-9
    assert expected(p, answers_of(p, "rmse"))["rmse"] <= -best["rmse"] + 1e-9
    of_macro_rmse = expected(p, answers_of(p, "macro_rmse"))
    assert of_macro_rmse["macro_mse"] <= -best["macro_mse"] + 1e-9
    assert of_macro_rmse["macro_rmse"] <= -best["macro_rmse"] + 0.01
    for metric in ("pcc", "qwk"):
        assert expected(p, answers_of(p, metric))[metric] >= best[metric] - 0.03


def correlation(p, scores):
    """Of scores with the levels, expected over the labels."""
    levels = np.arange(p.shape[1])
    weights = p / p.sum()
    mean, mean_score = (weights @ levels).sum(), scores @ weights.sum(axis=1)
    covariance = (weights * np.outer(scores - mean_score, levels - mean)).sum()
    variances = (weights @ (levels - mean) ** 2).sum(), weights.sum(axis=1) @ (scores - mean_score) ** 2
    return covariance / math.sqrt(variances[0] * variances[1])


def test_before_rounding_no_tau_gives_a_mean_that_correlates_better():
    p, q = population(1)
    at = {tau: correlation(p, softmax(np.log(p) - tau * np.log(q)) @ np.arange(len(q))) for tau in (0, -0.3, 0.3, 1)}
    assert max(at, key=at.get) == 0


def stretched(p, q):
    """The answers of greatest QWK: the mean stretched about that of all levels by 1 / QWK, rounded; and that QWK."""
    levels, kappa = np.arange(len(q)), 0.7
    for _ in range(20):
        answers = np.clip(np.rint(q @ levels + (p @ levels - q @ levels) / kappa), 0, len(q) - 1).astype(int)
        kappa = expected(p, answers)["qwk"]
    return kappa


def test_qwk_is_near_the_exact_rule_and_nearer_than_the_rounded_mean():
    below, of_mean = [], []
    for seed in range(100):
        p, q = population(seed)
        exact = stretched(p, q)
        below.append(exact - expected(p, answers_of(p, "qwk"))["qwk"])
        mean = Decision(-0.5 * np.log(q), power=2).apply(np.log(p)).argmax(axis=1)
        of_mean.append(exact - expected(p, mean)["qwk"])
    assert min(below) > -1e-3  # exact it is
    assert np.mean(below) < 0.015
    assert np.percentile(below, 95) < 0.03
    assert np.mean(of_mean) > 1.5 * np.mean(below)


def test_for_normal_levels_and_errors_tau_1_over_1_plus_r_stretches_the_mean_as_qwk_asks():
    levels = np.linspace(-8, 8, 801)  # as good as continuous
    log_q = -(levels**2) / 2
    for noise in (0.5, 1.0, 2.0):
        r = 1 / math.sqrt(1 + noise**2)
        log_p = log_q - (1.3 - levels) ** 2 / (2 * noise**2)
        means = [softmax((log_p - tau * log_q)[None])[0] @ levels for tau in (0, 1 / (1 + r))]
        assert means[1] == pytest.approx(means[0] / r, abs=1e-6)


def test_a_decision_by_theory_says_what_it_is():
    decision = optimal("macro_rmse", COUNTS)
    assert (decision.kind, decision.tau, decision.power, decision.temperature) == ("optimal for macro_rmse", 1, 2, 1)
    np.testing.assert_allclose(decision.shift, -np.log(SMOOTHED))
    assert not any(optimal("rmse", COUNTS).shift)


# ---- What is refused


def test_a_metric_without_a_rule_is_refused():
    with pytest.raises(ValueError, match=r"no decision by theory for metric='smd'. Choose from: accuracy, .*tune\(\)"):
        optimal("smd", COUNTS)
    with pytest.raises(ValueError, match="Did you mean 'qwk'"):
        optimal("qkw", COUNTS)


def test_unusable_counts_are_refused():
    with pytest.raises(ValueError, match="class_counts=None cannot be used: give one count for each"):
        prior_corrected(None)
    with pytest.raises(ValueError, match=r"class_counts=\[0.5, 1\] cannot be used: .*a whole number from 0 up"):
        optimal("qwk", [0.5, 1])
    with pytest.raises(ValueError, match="3 class_counts do not fit logits of 2 classes"):
        prior_corrected(COUNTS, logits=np.zeros((5, 2)))


def test_a_module_that_does_not_say_what_it_adds_is_refused():
    with pytest.raises(TypeError, match="CrossEntropyLoss does not say what it adds to the logits"):
        consistent(torch.nn.CrossEntropyLoss())
