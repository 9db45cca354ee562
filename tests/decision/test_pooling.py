"""Whole groups: order, mean, labels."""

import math

import numpy as np
import pytest

from blv_trainer.decision import labels_of_groups, one_label_each, pool

GROUPS = ["cem", "ann", "cem", "bob", "ann", "cem"]
LOGITS = np.random.default_rng(0).normal(scale=3, size=(6, 4))


def test_groups_come_in_the_order_in_which_they_first_appear():
    names, pooled = pool(LOGITS, GROUPS)
    assert names == ["cem", "ann", "bob"]
    assert pooled.shape == (3, 4)


def test_a_groups_logits_are_the_mean_of_its_answers_log_probabilities():
    for name, found in zip(*pool(LOGITS, GROUPS), strict=True):
        rows = [row for row, group in zip(LOGITS.tolist(), GROUPS, strict=True) if group == name]
        for k in range(4):
            logs = [row[k] - math.log(sum(math.exp(logit) for logit in row)) for row in rows]
            assert found[k] == pytest.approx(sum(logs) / len(logs))


def test_a_temperature_or_a_constant_of_single_answers_changes_no_groups_level():
    pooled = pool(LOGITS, GROUPS)[1]
    changed = pool((LOGITS + np.arange(6)[:, None]) / 2.5, GROUPS)[1]
    differences = changed - pooled / 2.5
    np.testing.assert_allclose(differences, differences[:, :1].repeat(4, axis=1), atol=1e-12)  # of each group, constant


@pytest.mark.parametrize(
    "groups",
    [
        [7, 3, 7, 5, 3, 7],
        np.array([7, 3, 7, 5, 3, 7]),
        [("x", 1), ("y", 1), ("x", 1), None, ("y", 1), ("x", 1)],
        np.array(GROUPS),
    ],
    ids=["numbers", "array", "tuples", "array of texts"],
)
def test_anything_hashable_names_a_group(groups):
    names, pooled = pool(LOGITS, groups)
    assert names == [groups[0], groups[1], groups[3]]
    assert np.array_equal(pooled, pool(LOGITS, GROUPS)[1])


def test_labels_come_in_the_same_order():
    assert labels_of_groups([2, 0, 2, 1, 0, 2], GROUPS).tolist() == [2, 0, 1]
    assert labels_of_groups([], []).tolist() == []


def test_a_group_with_two_labels_is_named():
    with pytest.raises(ValueError, match="group 'ann' has two labels, 0 and 3: .*Leave such groups out"):
        labels_of_groups([2, 0, 2, 1, 3, 1], GROUPS)


def test_rows_of_groups_with_one_label_are_found():
    assert one_label_each([2, 0, 2, 1, 3, 2], GROUPS).tolist() == [True, False, True, True, False, True]
    assert one_label_each([2, 0, 2, 1, 0, 1], GROUPS).tolist() == [False, True, False, True, True, False]


@pytest.mark.parametrize("function", [pool, labels_of_groups, one_label_each])
def test_one_group_is_asked_for_each_row(function):
    with pytest.raises(ValueError, match="5 groups do not fit 6 rows: give the group of each row"):
        function(LOGITS if function is pool else [0] * 6, GROUPS[:5])


def test_logits_without_a_class_axis_are_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(6,\) cannot be pooled: give shape \(n, num_classes\)"):
        pool(LOGITS[:, 0], GROUPS)
