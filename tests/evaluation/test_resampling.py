"""The engine with statistics of our own, whose values it hands back: each result is recomputed from what was drawn."""

import logging
import math
from statistics import NormalDist, stdev

import numpy as np
import pytest

from blv_trainer.evaluation.resampling import bootstrap, permute

# Numerator and denominator of a ratio: undefined without the first unit, skewed, with equal units among them.
UNITS = np.array([[1, 1], [2, 0], [2, 0], [2, 0], [5, 0], [5, 0], [13, 0], [40, 0]], dtype=np.float64)


class Recorded:
    """A statistic that keeps the sums it was called with and the values it gave."""

    def __init__(self, function):
        self.function, self.sums, self.values = function, [], []

    def __call__(self, sums):
        self.sums.append(sums)
        self.values.append(self.function(sums))
        return {"it": self.values[-1]}

    def of(self, num_rows):
        """The first ``num_rows`` values: those of the resamples."""
        return np.concatenate(self.values)[:num_rows].tolist()


def ratio(sums):
    return sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)


def presence(sums):
    """How many units are there, the first of them worth a thousand."""
    return (sums > 0).sum(axis=1) + 1000.0 * (sums[:, 0] > 0)


def estimated(units, function, **options):
    statistic = Recorded(function)
    options = {"confidence": 0.9, "num_resamples": 3000, "seed": 0, **options}
    return bootstrap(units, statistic, **options)["it"], statistic


def defined(values):
    return [value for value in values if not math.isnan(value)]


def textbook_bca(value, resampled, left_out, confidence):
    """Efron (1987), Eq. 2.3 and 6.6, value by value."""
    normal = NormalDist()
    below = sum((other < value) + (other == value) / 2 for other in resampled) / len(resampled)
    below = min(max(below, 0.5 / len(resampled)), 1 - 0.5 / len(resampled))
    bias = normal.inv_cdf(below)
    mean = sum(left_out) / len(left_out)
    squares, cubes = (sum((mean - other) ** power for other in left_out) for power in (2, 3))
    acceleration = cubes / (6 * squares**1.5) if squares else 0
    levels = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = bias + normal.inv_cdf(share)
        levels.append(normal.cdf(bias + z / (1 - acceleration * z)))
    return np.quantile(resampled, levels)


@pytest.mark.parametrize(("confidence", "scale"), [(0.8, 1), (0.95, 1), (0.95, 1 / 1024)])
def test_the_bca_interval_is_the_textbooks_over_what_is_defined(confidence, scale):
    units = UNITS * [scale, 1]
    estimate, statistic = estimated(units, ratio, confidence=confidence)
    resampled = defined(statistic.of(3000))
    left_out = defined(ratio(np.array([units.sum(axis=0) - unit for unit in units])).tolist())
    assert len(left_out) == 7
    assert estimate.value == 70 * scale
    np.testing.assert_allclose(estimate[1:3], textbook_bca(70 * scale, resampled, left_out, confidence))
    assert estimate.standard_error == pytest.approx(stdev(resampled))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_value_beyond_all_resamples_has_half_a_resample_beyond_it(sign):
    # One resample in 10^8 has all 20 units; whichever unit is left out, 19 remain.
    estimate, statistic = estimated(np.eye(20), lambda sums: sign * (sums > 0).mean(axis=1) * 20, num_resamples=500)
    expected = textbook_bca(20 * sign, statistic.of(500), [19 * sign] * 20, 0.9)
    np.testing.assert_allclose(estimate[1:3], expected)


@pytest.mark.parametrize("of_one_left_out", [5.0, math.nan])
def test_without_two_defined_values_of_those_left_out_there_is_no_acceleration(of_one_left_out):
    weights = np.arange(1.0, 9.0) ** 2

    def defined_for_eight_units(sums):
        return np.where(sums.sum(axis=1) == 8, sums @ weights, np.where(sums[:, 1] == 0, of_one_left_out, np.nan))

    estimate, statistic = estimated(np.eye(8), defined_for_eight_units)
    np.testing.assert_allclose(estimate[1:3], textbook_bca(weights.sum(), statistic.of(3000), [0.0], 0.9))


def test_a_limit_beyond_the_reach_of_the_acceleration_is_the_largest_resample():
    estimate, statistic = estimated(np.eye(100), presence, confidence=0.99, num_resamples=10_000)
    assert estimate.high == max(statistic.of(10_000))
    assert estimate.low <= estimate.high < estimate.value


def test_each_resample_has_as_many_units_as_the_sample_and_each_unit_is_drawn_equally_often():
    _, statistic = estimated(np.repeat(np.eye(3), [1, 2, 5], axis=0), lambda sums: sums[:, 0])
    drawn = np.concatenate(statistic.sums)[:3000]
    assert (drawn.sum(axis=1) == 8).all()
    np.testing.assert_allclose(drawn.mean(axis=0), [1, 2, 5], atol=0.1)
    np.testing.assert_allclose(drawn.var(axis=0), [7 / 8, 3 / 2, 15 / 8], atol=0.15)  # binomial


@pytest.mark.parametrize("num_defined", [0, 1, 2])
def test_an_interval_needs_two_defined_resamples(num_defined):
    def rarely_defined(sums):
        values = np.full(len(sums), np.nan)
        values[: num_defined if len(sums) > 1 else 1] = 1.0
        return values

    estimate, _ = estimated(UNITS, rarely_defined, num_resamples=500)
    assert estimate.value == 1
    assert [math.isnan(number) for number in estimate[1:]] == [num_defined < 2] * 3


@pytest.mark.parametrize(("num_undefined", "logged"), [(10, False), (11, True)])
def test_more_than_one_undefined_resample_in_a_hundred_is_logged(num_undefined, logged, caplog):
    def undefined_at_first(sums):
        values = np.arange(len(sums), dtype=np.float64)
        values[: num_undefined if len(sums) == 1000 else 0] = np.nan
        return values

    with caplog.at_level(logging.WARNING, logger="blv_trainer"):
        estimated(UNITS, undefined_at_first, num_resamples=1000)
    message = "it is undefined in 11 of 1000 resamples; its interval is that of the others."
    assert [record.getMessage() for record in caplog.records] == [message] * logged


def test_a_p_value_is_the_share_of_differences_as_large_among_those_defined_the_observed_one_among_them():
    units = np.array(
        [[[3.0, 1.0], [1.0, 0.0]], [[2.0, 0.0], [0.0, 1.0]], [[2.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1, 0]]]
    )

    def difference(sums):
        return ratio(sums[:, 0]) - ratio(sums[:, 1])

    statistic = Recorded(difference)
    p = permute(units, statistic, num_permutations=2500, seed=0)["it"]
    permuted = defined(statistic.of(2500))
    observed = 7 / 1 - 3 / 1
    assert 500 < len(permuted) < 2500
    assert p == (1 + sum(abs(value) >= observed - 1e-10 for value in permuted)) / (1 + len(permuted))
    totals = np.concatenate(statistic.sums)[:2500].sum(axis=1)
    assert (totals == units.sum(axis=(0, 1))).all()  # a swap takes nothing away
