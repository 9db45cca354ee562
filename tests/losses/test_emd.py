import math

import pytest
import torch

from blv_trainer.losses import EMDLoss

COUNTS = [1, 1, 1, 1]
LOGITS = torch.tensor([[0.3, -1.2, 2.0, 0.1], [1.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 3])


def test_it_is_the_squared_distance_of_the_cumulative_distributions():
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        predicted = 0.0
        for k, logit in enumerate(row):
            predicted += math.exp(logit) / sum(map(math.exp, row))
            total += (predicted - (label <= k)) ** 2
    assert EMDLoss(COUNTS)(LOGITS, LABELS).item() == pytest.approx(total / 3)


def test_a_sure_prediction_costs_its_distance_in_levels():
    for predicted in range(4):
        for label in range(4):
            loss = EMDLoss(COUNTS)(100 * torch.eye(4)[None, predicted], torch.tensor([label]))
            assert loss.item() == abs(predicted - label)


def test_with_two_classes_it_is_the_brier_score():
    logits, labels = LOGITS[:, :2], torch.tensor([0, 1, 1])
    p_wrong = 1 - logits.softmax(dim=1)[torch.arange(3), labels]
    torch.testing.assert_close(EMDLoss([1, 1])(logits, labels), (p_wrong**2).mean())


def test_the_true_distribution_is_the_best_prediction():
    labels = torch.tensor([0] * 1 + [1] * 4 + [2] * 3 + [3] * 2)
    row = torch.log(torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=torch.float64)).requires_grad_()
    EMDLoss(COUNTS)(row.expand(10, 4), labels).backward()
    torch.testing.assert_close(row.grad, torch.zeros(4, dtype=torch.float64))


def test_a_small_remaining_error_is_not_lost_in_rounding():
    logits = torch.tensor([[20.0, 0.0, 0.0, 0.0]])  # float32: 1 - 2e-9 rounds to 1
    expected = EMDLoss(COUNTS)(logits.double(), torch.tensor([0])).item()
    assert EMDLoss(COUNTS)(logits, torch.tensor([0])).item() == pytest.approx(expected, rel=1e-5)
