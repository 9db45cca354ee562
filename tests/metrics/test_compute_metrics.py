import math
import warnings

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
        lambda logits, labels: (logits.tolist(), labels.tolist()),
        lambda logits, labels: (torch.tensor(logits), torch.tensor(labels)),
        lambda logits, labels: [(logits, None), labels],
        lambda logits, labels: ([logits[:200], (logits[200:], None)], [labels[:200], labels[200:]]),
    ],
    ids=["EvalPrediction", "with inputs", "several outputs", "lists", "tensors", "pair of tuple", "batches"],
)
def test_every_way_to_hand_over_logits_and_labels_is_understood(wrap, logits, levels, expected):
    assert make_compute_metrics(NAMES)(wrap(logits, levels[0])) == expected


def test_samples_with_the_ignored_label_do_not_count(logits, levels, expected):
    padded_logits = np.concatenate([np.full((3, 5), np.nan), logits])
    padded_labels = np.concatenate([[-100] * 3, levels[0]])
    assert make_compute_metrics(NAMES)((padded_logits, padded_labels)) == expected


def test_logits_that_do_not_fit_the_label_names_are_refused_with_a_sentence():
    with pytest.raises(ValueError, match=r"logits of shape \(2, 3\) cannot be used: give shape \(n, 5\)"):
        make_compute_metrics(NAMES)((np.zeros((2, 3)), [0, 1]))


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
