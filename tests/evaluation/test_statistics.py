import inspect
import itertools
import math
import warnings

import numpy as np
import pytest
import scipy.stats

from blv_trainer.evaluation.confusion import confusion_metrics
from blv_trainer.evaluation.statistics import (
    bootstrap_differences,
    bootstrap_intervals,
    holm,
    mean_and_sd,
    minimum_detectable_difference,
    permutation_p_values,
)
from blv_trainer.metrics import METRICS

NAMES = sorted(confusion_metrics(np.eye(2)))
SMOOTH = ["macro_rmse", "qwk"]  # take so many values that quantiles can be compared closely


def predict(references, rng, shape=None, steps=(0.05, 0.2, 0.5, 0.2, 0.05)):
    return np.clip(references + rng.choice([-2, -1, 0, 1, 2], size=shape or references.shape, p=steps), 0, 4)


@pytest.fixture
def data():
    """References, the predictions of two methods, and the speakers of 90 samples."""
    rng = np.random.default_rng(0)
    references = rng.choice(5, size=90, p=[0.1, 0.2, 0.4, 0.2, 0.1])
    return references, predict(references, rng), predict(references, rng), rng.integers(0, 25, 90)


def looped_resamples(references, predictions, groups, names, num_resamples, seed=1):
    """The metrics of each resample, drawn and computed one at a time."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    rows = []
    for _ in range(num_resamples):
        drawn = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        rows.append([METRICS[name](references[drawn], predictions[drawn]) for name in names])
    return np.array(rows)


@pytest.mark.parametrize("name", SMOOTH)
def test_interval_equals_scipys(data, name):
    references, predictions, _, _ = data

    def statistic(*columns):
        return METRICS[name](*columns)

    theirs = scipy.stats.bootstrap(
        (references, predictions),
        statistic,
        paired=True,
        vectorized=False,
        method="BCa",
        n_resamples=10_000,
        random_state=np.random.default_rng(1),
    )
    ours = bootstrap_intervals(references, predictions, num_resamples=40_000)[name]
    tolerance = 0.2 * theirs.standard_error  # what 10,000 resamples leave; the two methods are farther apart
    np.testing.assert_allclose([ours.low, ours.high], theirs.confidence_interval, atol=tolerance)


@pytest.mark.slow
def test_bca_interval_over_speakers_equals_scipys_over_speakers(data):
    references, predictions, _, speakers = data
    members = [np.flatnonzero(speakers == speaker) for speaker in np.unique(speakers)]

    def statistic(drawn):
        rows = np.concatenate([members[i] for i in drawn])
        return METRICS["macro_rmse"](references[rows], predictions[rows])

    theirs = scipy.stats.bootstrap(
        (np.arange(len(members)),),
        statistic,
        vectorized=False,
        method="BCa",
        n_resamples=4000,
        random_state=np.random.default_rng(1),
    )
    ours = bootstrap_intervals(references, predictions, groups=speakers, num_resamples=40_000)["macro_rmse"]
    tolerance = 0.2 * theirs.standard_error
    np.testing.assert_allclose([ours.low, ours.high], theirs.confidence_interval, atol=tolerance)


def test_two_samples_have_the_standard_error_worked_out_by_hand():
    # One right, one wrong: resamples have accuracy 0, .5, 1 with probability 1/4, 1/2, 1/4; variance 1/8.
    estimate = bootstrap_intervals([0, 1], [0, 0], num_resamples=100_000)["accuracy"]
    assert estimate.standard_error == pytest.approx(math.sqrt(1 / 8), rel=0.01)
    assert (estimate.low, estimate.high) == (0, 1)


@pytest.mark.slow
def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    population = np.array([[0.14, 0.04, 0.02], [0.08, 0.3, 0.12], [0.02, 0.08, 0.2]])
    truth, covered = confusion_metrics(population), dict.fromkeys(["accuracy", "macro_accuracy", "qwk"], 0)
    for simulation in range(300):
        cells = rng.choice(9, size=80, p=population.ravel())
        estimates = bootstrap_intervals(cells // 3, cells % 3, confidence=0.9, num_resamples=400, seed=simulation)
        for name in covered:
            covered[name] += estimates[name].low <= truth[name] <= estimates[name].high
    for count in covered.values():
        assert 0.84 <= count / 300 <= 0.95


@pytest.mark.slow
def test_intervals_that_ignore_speakers_are_too_narrow_where_speakers_are_alike():
    rng = np.random.default_rng(0)
    speakers, covered = np.repeat(np.arange(30), 4), {"grouped": 0, "ungrouped": 0}
    for simulation in range(200):
        right = np.repeat(rng.random(30) < 0.7, 4)  # all four samples of a speaker are right, or none
        references = np.tile([0, 1, 0, 1], 30)
        predictions = np.where(right, references, 1 - references)
        for name, groups in (("grouped", speakers), ("ungrouped", None)):
            estimate = bootstrap_intervals(
                references, predictions, groups=groups, confidence=0.9, num_resamples=300, seed=simulation
            )["accuracy"]
            covered[name] += estimate.low <= 0.7 <= estimate.high
    assert covered["grouped"] / 200 > 0.84
    assert covered["ungrouped"] / 200 < 0.7


@pytest.mark.parametrize("name", ["accuracy", "macro_f1", "qwk"])
def test_paired_difference_equals_that_of_a_plain_loop(data, name):
    references, predictions, baseline, speakers = data
    estimate = bootstrap_differences(references, predictions, baseline=baseline, groups=speakers, num_resamples=20_000)[
        name
    ]
    first = looped_resamples(references, predictions, speakers, [name], 2000)
    second = looped_resamples(references, baseline, speakers, [name], 2000)  # the same seed draws the same speakers
    looped = (first - second)[:, 0]
    assert estimate.value == pytest.approx(METRICS[name](references, predictions) - METRICS[name](references, baseline))
    assert estimate.standard_error == pytest.approx(looped.std(ddof=1), rel=0.08)
    assert estimate.low <= estimate.value <= estimate.high


def test_pairing_takes_out_what_both_methods_share(data):
    references, predictions, _, _ = data
    baseline = predictions.copy()
    baseline[:3] = (baseline[:3] + 1) % 5
    paired = bootstrap_differences(references, predictions, baseline=baseline)["accuracy"]
    single = bootstrap_intervals(references, predictions)["accuracy"]
    assert paired.standard_error < single.standard_error / 2


def exact_p_values(references, first, second, groups):
    """Every one of the swaps, one at a time."""
    labels = np.unique(groups)
    observed, extreme, total = None, dict.fromkeys(NAMES, 0), 0
    for swaps in itertools.product([False, True], repeat=len(labels)):
        swapped = np.isin(groups, labels[list(swaps)])
        one, other = np.where(swapped, second, first), np.where(swapped, first, second)
        difference = {name: METRICS[name](references, one) - METRICS[name](references, other) for name in NAMES}
        observed = observed or difference
        total += 1
        for name in NAMES:
            extreme[name] += abs(difference[name]) >= abs(observed[name]) - 1e-10
    return {name: count / total for name, count in extreme.items()}


@pytest.mark.parametrize("grouped", [False, True])
def test_permutation_p_values_equal_those_of_all_permutations(grouped):
    references = np.array([0, 1, 1, 2, 2, 2, 3, 4])
    first, second = np.array([0, 1, 1, 2, 2, 3, 3, 4]), np.array([1, 1, 3, 2, 0, 2, 4, 2])
    groups = np.array([0, 0, 1, 2, 2, 3, 4, 5]) if grouped else np.arange(8)
    expected = exact_p_values(references, first, second, groups)
    ours = permutation_p_values(
        references, first, baseline=second, groups=groups if grouped else None, num_permutations=40_000
    )
    assert ours == pytest.approx(expected, abs=0.012)
    assert len({round(p, 2) for p in expected.values()}) > 3


def test_few_groups_leave_few_permutations_however_many_samples_they_have():
    references, groups = np.zeros(30, dtype=int), np.repeat(["ann", "bob", "cem"], 10)
    # Of the eight ways to swap three groups, two give the observed difference: none swapped and all swapped.
    p_values = permutation_p_values(references, references, baseline=references + 1, groups=groups)
    assert p_values["accuracy"] == pytest.approx(2 / 8, abs=0.02)


def test_equal_methods_differ_by_nothing(data):
    references, predictions, _, _ = data
    assert set(permutation_p_values(references, predictions, baseline=predictions).values()) == {1.0}
    for estimate in bootstrap_differences(references, predictions, baseline=predictions).values():
        assert estimate == (0, 0, 0, 0)


@pytest.mark.slow
def test_p_values_are_evenly_spread_where_the_methods_are_equally_good():
    rng = np.random.default_rng(0)
    p_values = []
    for simulation in range(200):
        references = rng.choice(5, size=100)
        first, second = predict(references, rng), predict(references, rng)
        found = permutation_p_values(references, first, baseline=second, num_permutations=300, seed=simulation)
        p_values.append(found["macro_rmse"])
    assert scipy.stats.kstest(p_values, "uniform").pvalue > 0.01


def test_several_runs_count_by_their_mean(data):
    references, first, second, speakers = data
    runs = np.stack([first, second])
    joint = bootstrap_intervals(references, runs, groups=speakers)
    single = [bootstrap_intervals(references, run, groups=speakers) for run in runs]
    for name in NAMES:
        assert joint[name].value == pytest.approx((single[0][name].value + single[1][name].value) / 2)
    assert joint["accuracy"].standard_error < single[0]["accuracy"].standard_error
    repeated = bootstrap_intervals(references, np.stack([first, first]), groups=speakers)
    assert repeated["qwk"] == pytest.approx(single[0]["qwk"])


def test_runs_of_a_sample_are_swapped_together(data):
    references, first, second, _ = data
    once = permutation_p_values(references, first, baseline=second)
    twice = permutation_p_values(references, np.stack([first, first]), baseline=np.stack([second, second]))
    assert twice == pytest.approx(once)


@pytest.mark.parametrize("function", [bootstrap_intervals, bootstrap_differences, permutation_p_values])
def test_the_defaults_are_the_documented_ones(function):
    documented = {"confidence": 0.95, "num_resamples": 10_000, "num_permutations": 10_000, "seed": 0}
    parameters = inspect.signature(function).parameters
    defaults = {name: parameters[name].default for name in documented if name in parameters}
    assert len(defaults) >= 2
    assert defaults.items() <= documented.items()


@pytest.mark.parametrize("num", [2, 1000, 2500])
def test_as_many_permutations_are_drawn_as_asked_for(num):
    references, right, wrong = [0] * 39 + [1], [0] * 39 + [1], [1] * 39 + [0]
    p_values = permutation_p_values(references, right, baseline=wrong, num_permutations=num)
    assert p_values["accuracy"] == 1 / (num + 1)  # none in 2^39 permutations has a difference as large


def test_the_same_seed_gives_the_same_numbers_in_any_order_of_the_samples(data):
    references, predictions, baseline, speakers = data
    order = np.random.default_rng(0).permutation(90)
    for function in (bootstrap_differences, permutation_p_values):
        one = function(references, predictions, baseline=baseline, groups=speakers, seed=7)
        other = function(
            references[order], predictions[order], baseline=baseline[order], groups=speakers[order].tolist(), seed=7
        )
        assert one == other
        assert one != function(references, predictions, baseline=baseline, groups=speakers, seed=8)


def test_groups_of_one_sample_are_no_groups(data):
    references, predictions, _, _ = data
    names = [f"speaker {i}" for i in range(90)]
    assert bootstrap_intervals(references, predictions, groups=names) == bootstrap_intervals(references, predictions)


def test_an_undefined_metric_has_no_interval():
    estimates = bootstrap_intervals([0, 1, 2] * 10, [1] * 30)
    assert all(math.isnan(number) for number in estimates["pcc"])
    assert estimates["qwk"] == (0, 0, 0, 0)
    p_values = permutation_p_values([0, 1, 2] * 10, [1] * 30, baseline=[0, 1, 2] * 10)
    assert math.isnan(p_values["pcc"])


@pytest.mark.parametrize(
    ("p_values", "corrected"),
    [
        # Sorted: .01 x 4, .02 x 3, .03 x 2, .5 x 1, none below the one before.
        ({"a": 0.5, "b": 0.01, "c": 0.03, "d": 0.02}, {"a": 0.5, "b": 0.04, "c": 0.06, "d": 0.06}),
        ({"a": math.nan, "b": 0.6, "c": 0.7}, {"a": math.nan, "b": 1.0, "c": 1.0}),  # undefined ones do not count
        ({"a": 0.0, "b": 1.0}, {"a": 0.0, "b": 1.0}),
        ({}, {}),
    ],
)
def test_holm_equals_the_procedure_step_by_step(p_values, corrected):
    assert holm(p_values) == pytest.approx(corrected, nan_ok=True)


def test_mean_and_sd_over_runs():
    spread = mean_and_sd([{"qwk": 0.5}, {"qwk": 0.7}, {"qwk": 0.9}])["qwk"]
    assert spread == pytest.approx((0.7, 0.2, 3))
    assert mean_and_sd([{"qwk": 0.5}, {"qwk": 0.7}])["qwk"].sd == pytest.approx(0.2 / math.sqrt(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(mean_and_sd([{"qwk": 0.5}])["qwk"].sd)


def test_the_minimum_detectable_difference_is_found_with_the_power_it_promises():
    difference = minimum_detectable_difference(2.0)
    assert difference == pytest.approx(2 * (1.959964 + 0.841621), rel=1e-5)
    assert minimum_detectable_difference(0.5) == pytest.approx(difference / 4)
    assert minimum_detectable_difference(0) == 0
    estimates = np.random.default_rng(0).normal(loc=difference, scale=2.0, size=100_000)
    assert np.mean(estimates > 1.959964 * 2) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"references": [0.5, 1.0]}, "references cannot be used: give class indices, whole numbers from 0"),
        ({"predictions": [0, -1]}, "predictions cannot be used: give class indices"),
        ({"references": [], "predictions": []}, "references cannot be used: give class indices, .* at least one"),
        ({"references": [0], "predictions": [0]}, "there is only one sample or group: nothing can be resampled"),
        ({"predictions": [0, 1, 1]}, r"2 references do not fit predictions of shape \(3,\): give \(n,\) or"),
        ({"references": [[0, 1]]}, r"shapes \[\(1, 2\), \(2,\)\] do not fit: give references \(n,\)"),
        ({"groups": ["a"]}, "1 groups do not fit 2 references"),
        ({"groups": ["a", None]}, r"a sample has no group \(None or NaN\)"),
        ({"groups": ["a", "a"]}, "there is only one sample or group: nothing can be resampled"),
        ({"confidence": 95}, "confidence=95 cannot be used: give a number between 0 and 1"),
        ({"num_resamples": 1}, "num_resamples=1 cannot be used: give a whole number from 2 up"),
    ],
)
def test_unusable_input_is_refused(change, message):
    arguments = {"references": [0, 1], "predictions": [0, 1], **change}
    with pytest.raises(ValueError, match=message):
        bootstrap_intervals(arguments.pop("references"), arguments.pop("predictions"), **arguments)


@pytest.mark.parametrize(
    ("function", "given", "message"),
    [
        (holm, {"a": 1.5}, "p-value 1.5 of 'a' cannot be used"),
        (holm, {"a": -0.1}, "p-value -0.1 of 'a' cannot be used"),
        (minimum_detectable_difference, -1, "standard_error=-1 cannot be used"),
        (lambda runs: bootstrap_differences([0, 1], [0, 1], baseline=runs), [[0, 1]] * 3, "alike in shape"),
    ],
)
def test_unusable_summaries_are_refused(function, given, message):
    with pytest.raises(ValueError, match=message):
        function(given)
