import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import FocalLoss

LABELS = torch.tensor([0, 1, 2, 3, 2])


@pytest.fixture
def logits():
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double().requires_grad_()


@pytest.mark.parametrize("gamma", [0.5, 1, 2, 5])
def test_value_by_a_plain_loop(logits, gamma):
    total = 0.0
    for row, label in zip(logits.tolist(), LABELS.tolist(), strict=True):
        p = math.exp(row[label]) / sum(math.exp(value) for value in row)
        total -= (1 - p) ** gamma * math.log(p)
    assert FocalLoss([1] * 4, gamma=gamma)(logits, LABELS).item() == pytest.approx(total / 5, rel=1e-12)


def test_gamma_0_is_cross_entropy(logits):
    torch.testing.assert_close(FocalLoss([1] * 4, gamma=0)(logits, LABELS), F.cross_entropy(logits, LABELS))


def test_certainty_keeps_the_gradient_finite_for_gamma_below_one():
    logits = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
    FocalLoss([1, 1], gamma=0.5)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad.isfinite().all()
