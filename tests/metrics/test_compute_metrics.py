import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
import torch
from transformers import EvalPrediction

from blv_trainer.metrics import METRICS, ece, make_compute_metrics

NAMES = ["A2", "B1_1", "B1_2", "B2", "native"]


@pytest.fixture
def logits(levels):
    """Logits ``(300, 5)`` whose largest entry is the predicted level."""
    _, predictions = levels
    return 4 * np.eye(5)[predictions] + np.random.default_rng(2).uniform(-1, 1, size=(300, 5))


@pytest.fixture
def expected(levels, logits):
    """The metrics of the argmax and of the softmax, computed one by one."""
    values = {name: metric(*levels) for name, metric in METRICS.items() if name != "ece"}
    return values | {"ece": pytest.approx(ece(levels[0], scipy.special.softmax(logits, axis=1)))}


def test_all_metrics_come_from_the_largest_logit_and_the_softmax(logits, levels, expected):
    values = make_compute_metrics(NAMES)((logits, levels[0]))
    assert values == expected
    assert list(values) == list(METRICS)
    assert all(type(value) is float for value in values.values())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda logits, labels: EvalPrediction(predictions=logits, label_ids=labels),
        lambda logits, labels: EvalPrediction(predictions=logits, label_ids=labels, inputs=labels, losses=labels),
        lambda logits, labels: EvalPrediction(predictions=(logits, np.zeros((300, 8))), label_ids=labels),
        lambda logits, labels: SimpleNamespace(predictions=logits, label_ids=labels),
        lambda logits, labels: (logits.tolist(), labels.tolist()),
        lambda logits, labels: (torch.tensor(logits), torch.tensor(labels)),
        lambda logits, labels: [(logits, None), labels],
    ],
    ids=["EvalPrediction", "with inputs", "several outputs", "look-alike", "lists", "tensors", "pair of tuple"],
)
def test_every_way_to_hand_over_logits_and_labels_is_understood(wrap, logits, levels, expected):
    assert make_compute_metrics(NAMES)(wrap(logits, levels[0])) == expected


def test_samples_with_the_ignored_label_do_not_count(logits, levels, expected):
    padded_logits = np.concatenate([np.full((3, 5), np.nan), logits])
    padded_labels = np.concatenate([[-100] * 3, levels[0]])
    assert make_compute_metrics(NAMES)((padded_logits, padded_labels)) == expected


def test_huge_logits_do_not_overflow():
    values = make_compute_metrics(["low", "high"])(([[1e4, -1e4], [-1e4, 1e4]], [0, 1]))
    assert values["ece"] == 0
    assert values["accuracy"] == 1


def test_half_precision_logits_count_as_the_numbers_they_are(logits, levels):
    half = logits.astype(np.float16)
    compute_metrics = make_compute_metrics(NAMES)
    assert compute_metrics((half, levels[0])) == compute_metrics((half.astype(np.float64), levels[0]))


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((2, 3)), [0, 1], r"logits have shape \(2, 3\); with the 5 labels A2, .*native .* shape \(n, 5\)"),
        (np.zeros((2, 4, 5)), [0, 1], r"logits have shape \(2, 4, 5\)"),
        (np.zeros((2, 5)), [0, 1, 2], r"labels have shape \(3,\); logits \(2, 5\) need one label per row"),
        (np.zeros((2, 5)), None, r"labels have shape \(\)"),
        (np.zeros((2, 5)), [-100, -100], r"none of 2 labels counts \(all are -100\)"),
        (np.zeros((2, 5)), [0, 5], "labels holds 5; with the 5 labels A2, .*native they must be from 0 to 4, or -100"),
        (np.zeros((2, 5)), [0, -1], "labels holds -1;"),
        (np.zeros((2, 5)), [0, 0.5], "labels holds 0.5;"),
        (np.zeros((0, 5)), [], "none of 0 labels counts"),
        (
            [[0, 0, 0, 0, np.nan], [0, 0, 0, 0, 0], [np.inf] * 5],
            [0, 1, 2],
            "2 of 3 rows of logits hold NaN or infinity",
        ),
    ],
    ids=[
        "columns",
        "dimensions",
        "lengths",
        "no labels",
        "all ignored",
        "label too large",
        "negative",
        "fraction",
        "empty",
        "nan",
    ],
)
def test_unusable_input_is_refused_with_a_sentence(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        make_compute_metrics(NAMES)((logits, labels))


@pytest.mark.parametrize("label_names", ["native", [], ["A2"]])
def test_unusable_label_names_are_refused(label_names):
    with pytest.raises(ValueError, match="give a list of two or more names"):
        make_compute_metrics(label_names)


def test_a_model_that_predicts_one_class_warns_once_in_a_whole_training():
    compute_metrics = make_compute_metrics(NAMES)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        values = [compute_metrics((np.eye(5)[[column] * 3], [0, 1, 2])) for column in (2, 2, 3)]
    assert all(math.isnan(value["pcc"]) for value in values)
    assert [value["qwk"] for value in values] == [0, 0, 0]
    assert [str(warning.message) for warning in caught] == ["pcc is undefined (nan): all predictions are equal."]
