import pytest
import sklearn.metrics

from blv_trainer.metrics import macro_accuracy


def test_it_is_sklearn_balanced_accuracy(levels):
    assert macro_accuracy(*levels) == pytest.approx(sklearn.metrics.balanced_accuracy_score(*levels))


def test_the_majority_class_alone_gives_one_over_the_classes_present():
    assert macro_accuracy([1, 1, 1, 1, 3, 4], [1] * 6) == pytest.approx(1 / 3)


def test_a_class_that_is_only_predicted_does_not_count_as_a_class():
    assert macro_accuracy([0, 0, 2, 2], [0, 1, 2, 7]) == 0.5
