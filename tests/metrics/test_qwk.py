import math

import numpy as np
import pytest
import sklearn.metrics

from blv_trainer.metrics import qwk


def cohen(references, predictions, num_classes):
    """Cohen (1968), cell by cell: 1 - sum w O / sum w E."""
    n = len(references)
    observed = expected = 0.0
    for i in range(num_classes):
        for j in range(num_classes):
            weight = (i - j) ** 2
            observed += weight * np.sum((references == i) & (predictions == j)) / n
            expected += weight * np.mean(references == i) * np.mean(predictions == j)
    return 1 - observed / expected


def test_it_is_cohens_sum_over_the_cells_and_sklearns(levels):
    assert qwk(*levels) == pytest.approx(cohen(*levels, num_classes=5))
    assert qwk(*levels) == pytest.approx(sklearn.metrics.cohen_kappa_score(*levels, weights="quadratic"))


def test_a_level_without_samples_keeps_its_distance():
    references, predictions = np.array([0, 0, 3, 3, 4]), np.array([0, 3, 3, 4, 4])  # 1 and 2 are absent
    assert qwk(references, predictions) == pytest.approx(cohen(references, predictions, num_classes=5))
    with_all_levels = sklearn.metrics.cohen_kappa_score(references, predictions, weights="quadratic", labels=range(5))
    assert qwk(references, predictions) == pytest.approx(with_all_levels)


def test_a_constant_prediction_is_chance():
    assert qwk([0, 1, 2, 2], [1, 1, 1, 1]) == 0.0


def test_complete_disagreement_of_two_levels_is_minus_one():
    assert qwk([0, 2], [2, 0]) == -1.0


def test_one_class_on_both_sides_is_nan_with_a_warning():
    with pytest.warns(RuntimeWarning, match=r"qwk is undefined \(nan\): references and predictions are all one class"):
        assert math.isnan(qwk([3, 3, 3], [3, 3, 3]))
