import math
import warnings

import numpy as np
import pytest
import scipy.stats

from blv_trainer.metrics import pcc


def test_it_is_scipy_pearsonr(levels):
    assert pcc(*levels) == pytest.approx(scipy.stats.pearsonr(*levels).statistic)


def test_expected_scores_count_as_they_are():
    references, scores = [0, 1, 2, 2], [0.2, 0.9, 2.1, 1.4]
    assert pcc(references, scores) == pytest.approx(scipy.stats.pearsonr(references, scores).statistic)


def test_the_opposite_order_gives_minus_one():
    assert pcc([0, 1, 2], [2, 1, 0]) == pytest.approx(-1)


def test_rounding_never_leads_beyond_one():
    rng = np.random.default_rng(0)
    for scores in rng.normal(size=(200, 9)):
        assert 0.999 < pcc(scores, 0.1 * scores + 0.7) <= 1
        assert -1 <= pcc(scores, 0.7 - 0.1 * scores) < -0.999


@pytest.mark.parametrize(
    ("references", "predictions", "constant"),
    [([0, 1, 2], [0.1, 0.1, 0.1], "predictions"), ([2, 2, 2], [0, 1, 2], "references")],
)
def test_a_constant_input_is_nan_with_a_warning(references, predictions, constant):
    with pytest.warns(RuntimeWarning, match=rf"pcc is undefined \(nan\): all {constant} are equal"):
        assert math.isnan(pcc(references, predictions))


def test_a_defined_value_comes_without_a_warning(levels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pcc(*levels)
