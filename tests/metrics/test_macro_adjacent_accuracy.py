import pytest

from blv_trainer.metrics import macro_adjacent_accuracy


def test_it_is_the_mean_over_classes(levels):
    near = {}
    for reference, prediction in zip(*levels, strict=True):
        near.setdefault(reference, []).append(abs(reference - prediction) <= 1)
    expected = sum(sum(hits) / len(hits) for hits in near.values()) / len(near)
    assert macro_adjacent_accuracy(*levels) == pytest.approx(expected)


def test_a_class_without_references_does_not_count():
    assert macro_adjacent_accuracy([0, 0, 0, 4], [1, 1, 1, 2]) == 0.5
