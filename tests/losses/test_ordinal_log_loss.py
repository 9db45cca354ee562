import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import OrdinalLogLoss

COUNTS = [1, 1, 1, 1]
LOGITS = torch.tensor([[0.3, -1.2, 2.0, 0.1], [1.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 3])


@pytest.mark.parametrize("alpha", [0.5, 1, 1.5, 2])
def test_it_is_the_distance_weighted_sum_over_the_wrong_classes(alpha):
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for k, logit in enumerate(row):
            p = math.exp(logit) / sum(map(math.exp, row))
            total -= abs(k - label) ** alpha * math.log(1 - p)
    assert OrdinalLogLoss(COUNTS, alpha=alpha)(LOGITS, LABELS).item() == pytest.approx(total / 3, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 2])
def test_with_two_classes_it_is_cross_entropy(alpha):
    logits, labels = LOGITS[:, :2], torch.tensor([0, 1, 1])
    torch.testing.assert_close(OrdinalLogLoss([1, 1], alpha=alpha)(logits, labels), F.cross_entropy(logits, labels))


def test_a_farther_miss_costs_more():
    sure = 5 * torch.eye(4)
    losses = [OrdinalLogLoss(COUNTS)(sure[None, k], torch.tensor([0])).item() for k in range(4)]
    assert losses == sorted(losses)


def test_saturated_logits_keep_finite_values_and_gradients():
    logits = torch.tensor([[100.0, -100.0, -100.0, -100.0], [-100.0, -100.0, -100.0, 100.0]], requires_grad=True)
    loss = OrdinalLogLoss(COUNTS)(logits, torch.tensor([3, 3]))
    loss.backward()
    assert loss.item() == pytest.approx(3**1.5 * (200 - math.log(3)) / 2)  # the second row is right by far: 0
    assert logits.grad[0, 0].item() == pytest.approx(3**1.5 / 2)  # and it still pulls
    assert torch.isfinite(logits.grad).all()
