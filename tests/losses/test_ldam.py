import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import LDAMLoss

COUNTS = [810, 160, 10]
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.5, -0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize(("max_margin", "scale"), [(0.5, 1.0), (0.5, 30.0), (2.0, 1.0)])
def test_it_is_cross_entropy_with_the_margin_taken_off_the_labels_logit(max_margin, scale):
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        row[label] -= max_margin * (10 / COUNTS[label]) ** 0.25
        total -= math.log(math.exp(scale * row[label]) / sum(math.exp(scale * logit) for logit in row))
    loss = LDAMLoss(COUNTS, max_margin=max_margin, scale=scale)(LOGITS, LABELS)
    assert loss.item() == pytest.approx(total / 3, rel=1e-6)


def test_margins_fall_with_the_fourth_root_of_the_class_size():
    assert LDAMLoss(COUNTS, max_margin=0.6).margin.tolist() == pytest.approx([0.2, 0.3, 0.6], rel=1e-6)


def test_without_margins_it_is_cross_entropy():
    torch.testing.assert_close(LDAMLoss(COUNTS, max_margin=0)(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_the_margin_is_part_of_the_loss_in_evaluation_mode_too():
    loss = LDAMLoss(COUNTS)
    assert loss.train()(LOGITS, LABELS) == loss.eval()(LOGITS, LABELS)
    assert not loss.expected_shift().any()


def test_saturated_logits_keep_finite_values_and_gradients():
    logits = torch.tensor([[100.0, -100.0, -100.0], [-100.0, -100.0, 100.0]], requires_grad=True)
    loss = LDAMLoss(COUNTS)(logits, torch.tensor([2, 2]))
    loss.backward()
    assert loss.item() == pytest.approx((200 + 0.5) / 2)  # the second row is right by far: 0
    assert torch.isfinite(logits.grad).all()
