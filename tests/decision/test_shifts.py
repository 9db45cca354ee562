import json
import math

import numpy as np
import pytest
import torch

from blv_trainer.decision import Decision, consistent, prior_corrected, raw
from blv_trainer.losses import LOSSES, build_loss

COUNTS = [60, 30, 10]


def test_apply_adds_the_shift_and_then_divides():
    logits = np.array([[4.0, 4.0, 4.0], [0.0, 8.0, 0.0]])
    assert Decision((0.0, 1.0, -2.0), temperature=4).apply(logits).tolist() == [[1.0, 1.25, 0.5], [0.0, 2.25, -0.5]]
    assert np.array_equal(raw(3).apply(logits), logits)


def test_temperature_never_changes_the_level():
    logits = np.random.default_rng(0).normal(size=(50, 3))
    levels = [Decision((0.5, 0.0, 1.0), temperature).apply(logits).argmax(axis=1) for temperature in (0.1, 1, 10)]
    assert np.array_equal(levels[0], levels[1])
    assert np.array_equal(levels[1], levels[2])


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_consistent_adds_back_what_training_adds_on_average(name):
    loss = build_loss(name, COUNTS)
    torch.manual_seed(0)
    added = torch.stack([loss.adjust_logits(torch.zeros(1, 3))[0] for _ in range(4000)]).mean(dim=0)
    np.testing.assert_allclose(consistent(loss).shift, added.numpy(), atol=0.25)


def test_consistent_with_blv_is_prior_correction_by_another_name():
    # alpha is a multiple of -log prior, so the expected shift lies on tune()'s line.
    loss = build_loss("blv", COUNTS, sigma=6)
    tau = 6 * math.sqrt(2 / math.pi) / math.log(100 / 10)
    np.testing.assert_allclose(consistent(loss).shift, prior_corrected(COUNTS, tau).shift, rtol=1e-6)


def test_consistent_decision_restores_the_level_that_balanced_logits_hide():
    # A model whose logits plus the shift it was trained with are right everywhere.
    loss = build_loss("logit_adjustment", COUNTS)
    logits = np.log([[0.5, 0.3, 0.2]]) - loss.expected_shift().numpy()
    assert logits.argmax() == 2
    decision = consistent(loss)
    assert decision.apply(logits).argmax() == 0
    assert (decision.kind, decision.temperature, decision.tau) == ("consistent", 1, None)


def test_prior_corrected_divides_probabilities_by_prior_to_the_tau():
    p = np.array([0.7, 0.2, 0.1])
    for tau in (0.0, 0.5, 1.0):
        expected = p / np.array([0.6, 0.3, 0.1]) ** tau
        np.testing.assert_allclose(np.exp(prior_corrected(COUNTS, tau).apply(np.log(p))), expected)
    assert prior_corrected(COUNTS) == prior_corrected(COUNTS, 1.0)


def test_the_decision_as_a_dictionary_survives_json():
    decision = prior_corrected(np.array(COUNTS), np.float32(0.5))
    as_dict = json.loads(json.dumps(decision.to_dict()))
    assert as_dict == {"kind": "prior_corrected", "shift": list(decision.shift), "temperature": 1.0, "tau": 0.5}
    assert raw(2).to_dict() == {"kind": "raw", "shift": [0.0, 0.0], "temperature": 1.0}


@pytest.mark.parametrize(
    ("shift", "temperature", "message"),
    [
        ((0.0, math.nan), 1, r"shift=\(0.0, nan\) cannot be used: give a finite number for each"),
        ((0.0,), 1, r"shift=\(0.0,\) cannot be used"),
        ((0.0, 0.0), 0, r"temperature=0.0 cannot be used: give a finite number above 0"),
        ((0.0, 0.0), math.inf, r"temperature=inf cannot be used"),
    ],
)
def test_unusable_decisions_are_refused(shift, temperature, message):
    with pytest.raises(ValueError, match=message):
        Decision(shift, temperature)


def test_logits_of_another_number_of_classes_are_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(4, 2\) do not fit a decision over 3 classes"):
        raw(3).apply(np.zeros((4, 2)))


def test_what_has_no_shift_is_refused():
    with pytest.raises(ValueError, match=r"class_counts=\[5, 0, 5\] cannot be used: a class without training examples"):
        prior_corrected([5, 0, 5])
    with pytest.raises(ValueError, match="class_counts=None cannot be used: give one count for each"):
        prior_corrected(None)
    with pytest.raises(TypeError, match="CrossEntropyLoss does not say what it adds to the logits"):
        consistent(torch.nn.CrossEntropyLoss())
