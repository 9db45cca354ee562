import math
import warnings

import numpy as np
import pytest

from blv_trainer.evaluation.subgroups import Subgroup, subgroup_table


def test_values_equal_a_plain_loop():
    rng = np.random.default_rng(0)
    human, machine = rng.integers(5, size=60), rng.integers(5, size=(2, 60))
    region = rng.choice(["JPN", "KOR"], 60).tolist()
    for group in subgroup_table(human, machine, {"region": region}):
        inside = [k for k in range(60) if region[k] == group.value]
        smd, dsm = [], []
        for run in machine:
            smd.append(np.mean([run[k] - human[k] for k in inside]) / np.std(human, ddof=1))
            z_run, z_human = ((scores - np.mean(scores)) / np.std(scores, ddof=1) for scores in (run, human))
            dsm.append(np.mean([z_run[k] - z_human[k] for k in inside]))
        assert group.num_rows == len(inside)
        assert group.smd == pytest.approx(np.mean(smd))
        assert group.dsm == pytest.approx(np.mean(dsm))


def test_being_lenient_with_everyone_alike_is_no_subgroup_difference():
    human = np.array([0, 1, 2, 0, 1, 2])
    groups = subgroup_table(human, human[None] + 1, {"sex": ["f"] * 3 + ["m"] * 3})
    assert [group.dsm for group in groups] == pytest.approx([0, 0])
    assert all(group.smd > 1 for group in groups)


def test_groups_stand_in_the_order_of_the_columns_and_of_their_values_as_text():
    human = np.array([0, 1, 2])
    groups = subgroup_table(human, human[None], {"task": [10, 2, "b"], "sex": ["m", "f", "m"]})
    expected = [("task", "10"), ("task", "2"), ("task", "b"), ("sex", "f"), ("sex", "m")]
    assert [(group.column, group.value) for group in groups] == expected


@pytest.mark.parametrize("machine", [[1, 1], [1, 2]])
def test_equal_human_scores_give_nan_without_a_warning(machine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (group,) = subgroup_table(np.array([1, 1]), np.array([machine]), {"sex": ["f", "f"]})
    assert math.isnan(group.dsm)


def test_rows_without_a_value_are_in_no_group():
    groups = subgroup_table(np.array([0, 1, 2]), np.array([[0, 1, 2]]), {"sex": ["f", None, "f"]})
    assert [(group.value, group.num_rows) for group in groups] == [("f", 2)]


def test_flags_need_a_difference_and_rows():
    assert Subgroup("sex", "f", 50, smd=0.0, dsm=-0.11).flagged
    assert Subgroup("sex", "f", 50, smd=0.16, dsm=0.0).flagged
    assert Subgroup("sex", "f", 10, smd=-0.16, dsm=0.0).flagged
    assert not Subgroup("sex", "f", 50, smd=0.15, dsm=-0.1).flagged
    assert not Subgroup("sex", "f", 9, smd=1.0, dsm=1.0).flagged
