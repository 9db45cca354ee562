import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import ClassBalancedLoss

COUNTS = [600, 30, 4]
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.5, -0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 1])


def weights_by_hand(beta):
    # The effective number as the geometric series 1 + beta + ... + beta^(q - 1), term by term.
    inverse = [1 / sum(beta**i for i in range(count)) for count in COUNTS]
    return [len(COUNTS) * value / sum(inverse) for value in inverse]


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.999])
def test_weights_are_inverse_effective_numbers_with_mean_one(beta):
    weight = ClassBalancedLoss(COUNTS, beta=beta).weight
    assert weight.tolist() == pytest.approx(weights_by_hand(beta), rel=1e-5)
    assert weight.mean().item() == pytest.approx(1)


def test_each_item_counts_by_the_weight_of_its_class():
    weights, total = weights_by_hand(0.99), 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        total -= weights[label] * math.log(math.exp(row[label]) / sum(map(math.exp, row)))
    assert ClassBalancedLoss(COUNTS, beta=0.99)(LOGITS, LABELS).item() == pytest.approx(total / 3, rel=1e-6)


def test_beta_zero_is_cross_entropy():
    torch.testing.assert_close(ClassBalancedLoss(COUNTS, beta=0)(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_beta_near_one_weighs_by_inverse_frequency():
    inverse = torch.tensor([1 / count for count in COUNTS])
    weight = ClassBalancedLoss(COUNTS, beta=1 - 1e-12).weight
    torch.testing.assert_close(weight, inverse / inverse.mean())
