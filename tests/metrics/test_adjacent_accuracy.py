from blv_trainer.metrics import adjacent_accuracy


def test_it_counts_samples_at_most_one_level_off(levels):
    near = [abs(reference - prediction) <= 1 for reference, prediction in zip(*levels, strict=True)]
    assert adjacent_accuracy(*levels) == sum(near) / len(near)


def test_a_level_without_samples_still_counts_as_a_step():
    assert adjacent_accuracy([0, 0, 2, 2], [0, 2, 0, 2]) == 0.5
