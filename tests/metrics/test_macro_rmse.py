import math

import pytest

from blv_trainer.metrics import macro_rmse


def test_it_is_the_mean_of_the_classes_errors_and_not_the_root_of_their_mean(levels):
    squares = {}
    for reference, prediction in zip(*levels, strict=True):
        squares.setdefault(reference, []).append((reference - prediction) ** 2)
    expected = sum(math.sqrt(sum(values) / len(values)) for values in squares.values()) / len(squares)
    assert macro_rmse(*levels) == pytest.approx(expected)


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    assert macro_rmse([0] * 99 + [4], [0] * 100) == 2.0


def test_a_class_that_is_only_predicted_is_no_class_but_an_error():
    assert macro_rmse([0, 0, 3, 3], [0, 0, 7, 7]) == 2.0


def test_references_must_be_classes_though_predictions_need_not():
    assert macro_rmse([0, 1], [0.5, 1]) == 0.25
    for references in ([0.5, 1], [-100, 1]):
        with pytest.raises(ValueError, match=r"references holds (0\.5|-100); give class indices: whole numbers from 0"):
            macro_rmse(references, [0, 1])
