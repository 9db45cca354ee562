import sklearn.metrics

from blv_trainer.metrics import accuracy


def test_it_is_sklearn_accuracy(levels):
    assert accuracy(*levels) == sklearn.metrics.accuracy_score(*levels)
