import math

import pytest
import torch

from blv_trainer.losses import EMDLoss, RegressionLoss

COUNTS = [1, 1, 1, 1]
LOGITS = torch.tensor([[0.3, -1.2, 2.0, 0.1], [1.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 3])


def test_it_is_the_squared_error_of_the_expected_level():
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        expected = sum(k * math.exp(logit) / sum(map(math.exp, row)) for k, logit in enumerate(row))
        total += (expected - label) ** 2
    assert RegressionLoss(COUNTS)(LOGITS, LABELS).item() == pytest.approx(total / 3)


def test_with_two_classes_it_is_the_squared_earth_movers_distance():
    logits, labels = LOGITS[:, :2], torch.tensor([0, 1, 1])
    torch.testing.assert_close(RegressionLoss([1, 1])(logits, labels), EMDLoss([1, 1])(logits, labels))


def test_how_the_probability_spreads_around_the_expected_level_costs_nothing():
    spreads = torch.tensor([[0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0], [0.6, 0.1, 0.0, 0.3]])  # expected level 1
    for label in range(4):
        losses = [RegressionLoss(COUNTS)(row.log()[None], torch.tensor([label])).item() for row in spreads]
        assert losses == pytest.approx([(1 - label) ** 2] * 3, abs=1e-6)


def test_the_mean_label_is_the_best_expected_level():
    labels = torch.tensor([0] * 1 + [1] * 4 + [2] * 3 + [3] * 2)  # mean 1.6
    row = torch.log(torch.tensor([0.4, 0.1, 0.0, 0.5], dtype=torch.float64)).requires_grad_()  # most likely 3, mean 1.6
    RegressionLoss(COUNTS)(row.expand(10, 4), labels).backward()
    torch.testing.assert_close(row.grad, torch.zeros(4, dtype=torch.float64))


def test_label_smoothing_draws_the_expected_level_towards_the_middle():
    row = torch.log(torch.tensor([0.85, 0.0, 0.0, 0.15], dtype=torch.float64)).requires_grad_()  # 0.3 * 1.5 = 0.45
    RegressionLoss(COUNTS, label_smoothing=0.3)(row[None], torch.tensor([0])).backward()
    torch.testing.assert_close(row.grad, torch.zeros(4, dtype=torch.float64))


def test_a_small_remaining_error_is_not_lost_in_rounding():
    logits = torch.tensor([[0.0, 0.0, 0.0, 20.0]])  # float32: the expected level rounds to 3
    expected = RegressionLoss(COUNTS)(logits.double(), torch.tensor([3])).item()
    assert RegressionLoss(COUNTS)(logits, torch.tensor([3])).item() == pytest.approx(expected, rel=1e-5)
