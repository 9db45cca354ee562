import math
import warnings
from itertools import permutations

import numpy as np
import pytest

from blv_trainer.evaluation import human_agreement
from blv_trainer.metrics import METRICS

NAMES = sorted(set(METRICS) - {"ece"})


def test_two_raters_by_hand():
    """One says 0 0 1 2, the other 0 1 1 1."""
    agreement = human_agreement([[0, 0, 1, 2], [0, 1, 1, 1]], num_classes=3)
    assert sorted(agreement) == NAMES
    assert agreement["accuracy"] == 0.5
    assert agreement["adjacent_accuracy"] == 1
    assert agreement["rmse"] == pytest.approx(math.sqrt(0.5))
    # The first as the reference: recalls 1/2, 1, 0; the second: recalls 1, 1/3.
    assert agreement["macro_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def drawn_raters(num_raters=4, n=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 5, n)
    levels = np.clip(truth + rng.integers(-1, 2, (num_raters, n)), 0, 4)
    return np.where(rng.random((num_raters, n)) < 0.4, -1, levels)


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_is_the_mean_of_its_function_over_ordered_pairs(name):
    raters = drawn_raters()
    values = []
    for reference, prediction in permutations(raters.tolist(), 2):
        both = [(r, p) for r, p in zip(reference, prediction, strict=True) if r != -1 and p != -1]
        values.append(METRICS[name](*zip(*both, strict=True)))
    assert human_agreement(raters, 5)[name] == pytest.approx(sum(values) / 12)


def test_raters_who_err_independently_agree_as_often_as_chance_says():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 200_000)
    raters = np.where(rng.random((3, len(truth))) < 0.2, 1 - truth, truth)
    assert human_agreement(raters, 2)["accuracy"] == pytest.approx(0.8**2 + 0.2**2, abs=0.005)


def test_it_depends_neither_on_the_order_of_raters_nor_on_how_a_missing_level_is_written():
    raters = drawn_raters()
    expected = human_agreement(raters, 5)
    assert human_agreement(raters[::-1], 5) == pytest.approx(expected)
    assert human_agreement(np.where(raters < 0, -100, raters), 5) == expected


def test_rows_of_one_rater_and_pairs_that_judged_nothing_together_do_not_count():
    raters = [[0, 1, 2, 2, -1], [0, 1, 2, -1, -1], [-1, -1, -1, 0, 1]]  # the second and third share no row
    assert human_agreement(raters, 3)["accuracy"] == pytest.approx((1 + 0) / 2)


def test_a_rater_of_one_level_is_left_out_where_a_metric_is_undefined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agreement = human_agreement([[0, 1, 2], [0, 1, 2], [1, 1, 1]], 3)
        assert agreement["pcc"] == 1
        assert agreement["accuracy"] == pytest.approx((1 + 1 / 3 + 1 / 3) / 3)
        assert math.isnan(human_agreement([[0, 1], [1, 1]], 2)["pcc"])


@pytest.mark.parametrize(
    ("raters", "message"),
    [
        (
            [[0, 1]],
            r"raters of shape \(1, 2\) and type int64 cannot be used: give whole numbers of shape \(num_raters, n",
        ),
        ([0, 1], r"raters of shape \(2,\)"),
        ([[0, 1], [0.5, np.nan]], "type float64 cannot be used: give whole numbers .* -1 where one gave no level"),
        ([[0, 1], [0, 3]], r"labels \[3\] are out of range: 3 classes take labels 0 to 2"),
        ([[0, -1], [-1, 1]], "no row has the levels of two of the 2 raters"),
    ],
)
def test_what_cannot_be_compared_is_named(raters, message):
    with pytest.raises(ValueError, match=message):
        human_agreement(raters, 3)
