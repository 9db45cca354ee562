"""``Scores`` of drawn logits, against plain loops over the rows."""

import math

import numpy as np
import pytest
from scipy.special import softmax

from blv_trainer.evaluation import Scores, bootstrap_intervals, subgroup_table
from blv_trainer.metrics import METRICS

NAMES = ["A2", "B1", "B2"]


@pytest.fixture
def labels():
    return np.random.default_rng(0).choice(3, 60, p=[0.2, 0.5, 0.3])


@pytest.fixture
def logits(labels):
    """Of two runs, ``(2, 60, 3)``."""
    return np.random.default_rng(1).normal(size=(2, 60, 3)) + 2 * np.eye(3)[labels]


def test_metrics_are_means_and_deviations_over_the_runs(labels, logits):
    scores = Scores(labels, logits, NAMES)
    for name in ("macro_rmse", "qwk"):
        each = [METRICS[name](labels, run.argmax(axis=1)) for run in logits]
        assert scores.metrics[name] == pytest.approx((np.mean(each), np.std(each, ddof=1), 2))
        assert scores.values[name] == pytest.approx(np.mean(each))
    each = [METRICS["ece"](labels, softmax(run, axis=1)) for run in logits]
    assert scores.values["ece"] == pytest.approx(np.mean(each))


def test_one_run_needs_no_axis_of_its_own(labels, logits):
    assert Scores(labels, logits[0], NAMES).values == Scores(labels, logits[:1], NAMES).values


def test_the_confusion_matrix_is_the_mean_over_runs(labels, logits):
    expected = np.zeros((3, 3))
    for run in logits.argmax(axis=2):
        for human, machine in zip(labels, run, strict=True):
            expected[human, machine] += 0.5
    np.testing.assert_array_equal(Scores(labels, logits, NAMES).confusion, expected)


def test_recall_and_rmse_of_the_classes_average_to_the_macro_metrics(labels, logits):
    scores = Scores(labels, logits[0], NAMES)
    assert scores.recalls.mean() == pytest.approx(scores.values["macro_accuracy"])
    assert scores.class_rmse.mean() == pytest.approx(scores.values["macro_rmse"])
    assert scores.support.tolist() == [(labels == k).sum() for k in range(3)]
    by_class = scores.by_class()
    assert by_class["recall_B1"] == scores.recalls[1]
    assert by_class["predicted_B2"] == (logits[0].argmax(axis=1) == 2).sum()


def test_a_class_without_rows_has_neither(labels, logits):
    scores = Scores(np.where(labels == 0, 1, labels), logits, NAMES)
    assert np.isnan([scores.recalls[0], scores.class_rmse[0]]).all()
    assert np.isfinite([scores.recalls[1:], scores.class_rmse[1:]]).all()
    assert "recall_A2" not in scores.by_class()


def test_expected_positions_are_means_of_the_levels_places(labels, logits):
    probabilities = softmax(logits[1, 7])
    expected = sum(k * p for k, p in enumerate(probabilities, start=1))
    assert Scores(labels, logits, NAMES).expected_positions[1, 7] == pytest.approx(expected)


def test_rmse_is_also_in_the_levels_own_units_where_they_are_numbers(labels, logits):
    assert "rmse_in_units" not in Scores(labels, logits, NAMES).as_metrics
    names = ["1", "1.5", "4"]
    each = []
    for run in logits:
        errors = [float(names[k]) - float(names[true]) for k, true in zip(run.argmax(axis=1), labels, strict=True)]
        each.append(math.sqrt(sum(error**2 for error in errors) / len(errors)))
    metrics = Scores(labels, logits, names).as_metrics
    assert metrics["rmse_in_units"] == pytest.approx(sum(each) / 2)
    assert metrics["rmse"] == Scores(labels, logits, NAMES).values["rmse"]  # in classes, whatever their names


def test_groups_are_drawn_where_there_are_any(labels, logits):
    speakers, predictions = [f"s{k // 4}" for k in range(60)], logits.argmax(axis=2)
    for column, drawn in (("speaker", "speakers"), ("school", "groups")):
        scores = Scores(labels, logits, NAMES, {column: speakers}, num_resamples=100, group_column=column)
        assert (scores.resampled, scores.num_groups) == (drawn, 15)
        assert scores.intervals == bootstrap_intervals(labels, predictions, groups=speakers, num_resamples=100)
    for columns, column in (
        ({"speaker": ["one"] * 60}, "speaker"),
        ({"speaker": speakers}, None),
        ({"speaker": speakers}, "school"),
    ):
        scores = Scores(labels, logits, NAMES, columns, group_column=column)
        assert (scores.resampled, scores.num_groups) == ("samples", 60)


def test_a_row_with_an_empty_cell_is_a_group_by_itself(labels, logits):
    speakers = [f"s{k // 4}" if k < 50 else (None, "", " ")[k % 3] for k in range(60)]
    scores = Scores(labels, logits, NAMES, {"speaker": speakers}, num_resamples=100)
    assert (scores.resampled, scores.num_groups) == ("speakers", 13 + 10)
    by_hand = [speaker if k < 50 else f"row {k}" for k, speaker in enumerate(speakers)]
    expected = bootstrap_intervals(labels, logits.argmax(axis=2), groups=by_hand, num_resamples=100)
    assert scores.intervals == expected


def test_subgroups_are_made_of_the_columns_that_are_known_to_be_groups(labels, logits):
    columns = {"Region": ["JPN", "KOR"] * 30, "shoe_size": [40, 41] * 30}
    scores = Scores(labels, logits, NAMES, columns)
    assert scores.subgroups == subgroup_table(labels, scores.predictions, {"Region": columns["Region"]})
    assert [group.value for group in scores.subgroups] == ["JPN", "KOR"]


def test_subgroups_are_made_of_the_columns_that_are_named(labels, logits):
    columns = {"region": ["JPN", "KOR"] * 30, "shoe_size": [40, 41, None] * 20}
    scores = Scores(labels, logits, NAMES, columns, subgroup_columns=["shoe_size"])
    assert scores.subgroups == subgroup_table(labels, scores.predictions, {"shoe_size": columns["shoe_size"]})
    assert [(group.value, group.num_rows) for group in scores.subgroups] == [("40", 20), ("41", 20)]


def test_a_single_row_has_no_interval_and_an_undefined_metric_is_nan():
    scores = Scores([1], [[0.0, 1.0, 0.0]], NAMES, {"region": ["JPN"]})
    assert (scores.intervals, scores.subgroups) == ({}, [])
    assert math.isnan(scores.values["pcc"])
    assert scores.values["accuracy"] == 1
