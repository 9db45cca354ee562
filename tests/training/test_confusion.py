import numpy as np
import torch
from sklearn.metrics import confusion_matrix

from blv_trainer.training.confusion import ConfusionCounter


def test_batches_add_up_to_sklearns_matrix():
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 4, 100), rng.integers(0, 4, 100)
    counter = ConfusionCounter(4)
    for start in range(0, 100, 7):
        counter.add(torch.tensor(labels[start : start + 7]), torch.tensor(predicted[start : start + 7]))
    np.testing.assert_array_equal(counter.matrix, confusion_matrix(labels, predicted))
    np.testing.assert_array_equal(ConfusionCounter.of(labels, predicted, num_classes=4).matrix, counter.matrix)
    assert counter.num_items == 100


def test_ignored_rows_are_left_out():
    counter = ConfusionCounter.of([0, -100, 1], [0, 1, 0], num_classes=2)
    assert counter.matrix.tolist() == [[1, 0], [1, 0]]


def test_a_class_without_rows_has_no_recall_and_is_not_missed():
    counter = ConfusionCounter.of([0, 0, 2], [0, 1, 0], num_classes=4)
    assert counter.metrics(["a", "b", "c", "d"]) == {
        "recall_a": 0.5,
        "recall_c": 0.0,
        "predicted_a": 2,
        "predicted_b": 1,
        "predicted_c": 0,
        "predicted_d": 0,
    }
    assert counter.never_predicted() == [2]
