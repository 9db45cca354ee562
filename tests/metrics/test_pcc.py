import math

import numpy as np
import pytest
import scipy.stats

from blv_trainer.metrics import pcc


def test_it_is_scipy_pearsonr(levels):
    assert pcc(*levels) == pytest.approx(scipy.stats.pearsonr(*levels).statistic)


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
