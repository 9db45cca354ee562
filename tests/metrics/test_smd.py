import math
import statistics

import pytest

from blv_trainer.metrics import smd


def test_it_is_the_mean_shift_in_standard_deviations_of_the_references(levels):
    references, predictions = (values.tolist() for values in levels)
    shift = statistics.mean(predictions) - statistics.mean(references)
    assert smd(references, predictions) == pytest.approx(shift / statistics.stdev(references))


def test_the_spread_of_the_predictions_does_not_enter():
    assert smd([0, 2, 4], [3, 3, 3]) == smd([0, 2, 4], [0, 0, 9]) == 0.5


def test_too_severe_is_negative():
    assert smd([1, 2, 3], [0, 1, 2]) == -1.0


def test_constant_references_are_nan_with_a_warning():
    with pytest.warns(RuntimeWarning, match=r"smd is undefined \(nan\): all references are equal"):
        assert math.isnan(smd([0.1, 0.1, 0.1], [0, 1, 2]))
