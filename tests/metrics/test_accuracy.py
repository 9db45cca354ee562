import sklearn.metrics

from blv_trainer.metrics import accuracy


def test_it_is_sklearn_accuracy(levels):
    assert accuracy(*levels) == sklearn.metrics.accuracy_score(*levels)


def test_one_right_of_four_is_a_quarter():
    assert accuracy([0, 1, 2, 3], [0, 2, 3, 4]) == 0.25
