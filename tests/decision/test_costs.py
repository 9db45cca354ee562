"""The decision itself: what it does to logits, its dictionary, its ranges."""

import json
import math

import numpy as np
import pytest

from blv_trainer.decision import Decision, prior_corrected, raw

LOGITS = np.random.default_rng(0).normal(scale=2, size=(200, 6))
SHIFT = (0.5, 0.0, 1.0, -0.5, 0.25, 2.0)


def test_apply_adds_the_shift_and_then_divides():
    logits = np.array([[4.0, 4.0, 4.0], [0.0, 8.0, 0.0]])
    assert Decision((0.0, 1.0, -2.0), temperature=4).apply(logits).tolist() == [[1.0, 1.25, 0.5], [0.0, 2.25, -0.5]]
    assert np.array_equal(raw(3).apply(logits), logits)


@pytest.mark.parametrize("power", [0.5, 1, 1.5, 2, 3])
def test_scores_of_a_cost_are_those_of_a_plain_double_loop(power):
    decision = Decision(SHIFT, temperature=1.7, power=power, sharpness=0.4)
    for row, found in zip(LOGITS[:10], decision.apply(LOGITS[:10]), strict=True):
        exponentials = [math.exp((logit + shift) / 1.7) for logit, shift in zip(row, SHIFT, strict=True)]
        for answer in range(6):
            cost = 0.0
            for truth in range(6):
                cost += abs(answer - truth) ** power * exponentials[truth] / sum(exponentials)
            assert found[answer] == pytest.approx(-cost / 0.4)


def probabilities(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_powers_0_1_and_2_answer_the_mode_the_median_and_the_rounded_mean():
    p = probabilities(LOGITS)
    mode, median = p.argmax(axis=1), (p.cumsum(axis=1) < 0.5).sum(axis=1)
    mean = np.floor(p @ np.arange(6) + 0.5).astype(int)
    answers = [Decision((0,) * 6, power=power).apply(LOGITS).argmax(axis=1) for power in (0, 1, 2)]
    for found, expected in zip(answers, (mode, median, mean), strict=True):
        assert np.array_equal(found, expected)
    assert len({tuple(found) for found in answers}) == 3  # they differ, so equality says something


def test_a_power_near_0_answers_as_power_0():
    near = Decision(SHIFT, 1.7, power=1e-6).apply(LOGITS).argmax(axis=1)
    assert np.array_equal(near, Decision(SHIFT, 1.7).apply(LOGITS).argmax(axis=1))


@pytest.mark.parametrize("power", [0, 1.5])
def test_sharpness_never_changes_the_level_and_temperature_does_so_only_with_a_cost(power):
    def levels(**options):
        return Decision(SHIFT, power=power, **options).apply(LOGITS).argmax(axis=1)

    assert np.array_equal(levels(sharpness=0.1), levels(sharpness=10))
    assert np.array_equal(levels(temperature=0.5), levels(temperature=5)) == (power == 0)


def test_any_leading_shape_is_taken():
    decision = Decision(SHIFT, power=2)
    assert np.array_equal(decision.apply(LOGITS.reshape(4, 50, 6)), decision.apply(LOGITS).reshape(4, 50, 6))
    np.testing.assert_allclose(decision.apply(LOGITS[0]), decision.apply(LOGITS)[0])


def test_the_decision_as_a_dictionary_survives_json_and_leaves_out_what_has_no_effect():
    decision = Decision(np.float32([0.5, 1]), np.float64(2), "tuned", np.float64(0.5), np.float32(1.5), 0.25)
    as_dict = json.loads(json.dumps(decision.to_dict()))
    numbers = {"temperature": 2, "tau": 0.5, "power": 1.5, "sharpness": 0.25}
    assert as_dict == {"shift": [0.5, 1], "kind": "tuned", **numbers}
    assert Decision.from_dict(as_dict) == decision
    assert raw(2).to_dict() == {"kind": "raw", "shift": [0.0, 0.0], "temperature": 1.0}
    assert Decision.from_dict(raw(2).to_dict()) == raw(2)


def test_a_dictionary_from_before_there_was_a_cost_is_the_largest_probability():
    old = {"kind": "prior_corrected", "shift": [0.1, 2.3], "temperature": 1.5, "tau": 1.0}
    assert Decision.from_dict(old) == Decision((0.1, 2.3), 1.5, "prior_corrected", 1.0, power=0)
    assert set(prior_corrected([90, 10]).to_dict()) == set(old)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": (0.0, math.nan)}, r"shift=\(0.0, nan\) cannot be used: give a finite number for each"),
        ({"shift": (0.0,)}, r"shift=\(0.0,\) cannot be used"),
        ({"temperature": 0}, r"temperature=0.0 cannot be used: give a finite number above 0; 1 is none"),
        ({"temperature": math.inf}, "temperature=inf cannot be used"),
        ({"power": -0.5}, "power=-0.5 cannot be used: give a finite number of 0 or more"),
        ({"power": math.nan}, "power=nan cannot be used"),
        ({"sharpness": 0}, "sharpness=0.0 cannot be used: give a finite number above 0"),
    ],
)
def test_unusable_decisions_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Decision(**{"shift": (0.0, 0.0), **options})


def test_logits_of_another_number_of_classes_are_refused():
    with pytest.raises(ValueError, match=r"logits of shape \(4, 2\) do not fit a decision over 3 classes"):
        raw(3).apply(np.zeros((4, 2)))
