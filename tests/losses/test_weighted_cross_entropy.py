import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import WeightedCrossEntropyLoss

COUNTS = [60, 30, 10]
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.5, -0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 1])


def test_each_item_counts_by_the_inverse_frequency_of_its_class():
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        p = math.exp(row[label]) / sum(map(math.exp, row))
        total -= 100 / (3 * COUNTS[label]) * math.log(p)
    assert WeightedCrossEntropyLoss(COUNTS)(LOGITS, LABELS).item() == pytest.approx(total / 3, rel=1e-6)


def test_equal_classes_give_cross_entropy():
    torch.testing.assert_close(WeightedCrossEntropyLoss([7, 7, 7])(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_over_a_batch_with_the_training_frequencies_it_equals_torchs_weighted_mean():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    logits = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    loss = WeightedCrossEntropyLoss(COUNTS)
    torch.testing.assert_close(loss(logits, labels), F.cross_entropy(logits, labels, weight=loss.weight))
