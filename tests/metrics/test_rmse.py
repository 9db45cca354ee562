import math

import pytest
import sklearn.metrics

from blv_trainer.metrics import rmse


def test_it_is_sklearn_root_mean_squared_error(levels):
    assert rmse(*levels) == pytest.approx(sklearn.metrics.root_mean_squared_error(*levels))


def test_expected_scores_count_as_they_are():
    assert rmse([0, 1], [0.6, 0.2]) == pytest.approx(math.sqrt((0.36 + 0.64) / 2))
