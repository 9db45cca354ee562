import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import SORDLoss

COUNTS = [1, 1, 1, 1]
LOGITS = torch.tensor([[0.3, -1.2, 2.0, 0.1], [1.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 3])


@pytest.mark.parametrize(("scale", "power"), [(1, 2), (0.5, 1), (2, 0.5), (0.1, 3)])
def test_it_is_cross_entropy_with_a_target_that_falls_off_with_the_distance(scale, power):
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        shares = [math.exp(-scale * abs(k - label) ** power) for k in range(4)]
        for share, logit in zip(shares, row, strict=True):
            total -= share / sum(shares) * math.log(math.exp(logit) / sum(map(math.exp, row)))
    loss = SORDLoss(COUNTS, scale=scale, power=power)
    assert loss(LOGITS, LABELS).item() == pytest.approx(total / 3, rel=1e-6)


@pytest.mark.parametrize(("scale", "power"), [(100, 2), (100, 0.01), (1e308, 1000)])
def test_with_a_large_scale_it_is_cross_entropy(scale, power):
    loss = SORDLoss(COUNTS, scale=scale, power=power)
    torch.testing.assert_close(loss(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_without_distances_it_is_label_smoothing():
    smoothing = 4 / (math.e + 3)  # shares of e for the label and 1 for each other level
    loss = SORDLoss(COUNTS, power=1e-12)(LOGITS, LABELS)
    expected = F.cross_entropy(LOGITS, LABELS, label_smoothing=smoothing)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)


def test_the_shares_of_the_docstring_are_those_of_the_defaults():
    targets = SORDLoss([1] * 9).targets
    assert targets[4, 4].item() == pytest.approx(0.56, abs=0.005)
    assert targets[0, 0].item() == pytest.approx(0.72, abs=0.005)
    assert (targets[4, 5] / targets[4, 4]).item() == pytest.approx(0.37, abs=0.005)
    assert SORDLoss([1] * 9, scale=10).targets.diagonal().min() > 0.9999


def test_the_best_prediction_is_the_mean_target_of_the_labels():
    labels = torch.tensor([0] * 1 + [1] * 4 + [2] * 3 + [3] * 2)
    best = SORDLoss(COUNTS).targets[labels].double().mean(dim=0)
    row = best.log().requires_grad_()
    SORDLoss(COUNTS)(row.expand(10, 4), labels).backward()
    torch.testing.assert_close(row.grad, torch.zeros(4, dtype=torch.float64), atol=1e-7, rtol=0)


def test_a_level_may_win_over_neighbours_that_have_more_labels():
    labels = torch.tensor([1] * 4 + [2] * 3 + [3] * 4)
    assert SORDLoss([1] * 5).targets[labels].mean(dim=0).argmax() == 2


def test_nothing_costs_less_than_the_entropy_of_the_target():
    target = SORDLoss(COUNTS).targets[1]
    logits = torch.stack([target.log(), 50 * torch.eye(4)[1]])  # the target itself, and all on the label
    costs = [SORDLoss(COUNTS)(row[None], torch.tensor([1])).item() for row in logits]
    assert costs[0] == pytest.approx(torch.distributions.Categorical(target).entropy().item())
    assert costs[1] > costs[0]


def test_a_farther_miss_costs_more():
    sure = 5 * torch.eye(4)
    losses = [SORDLoss(COUNTS)(sure[None, k], torch.tensor([0])).item() for k in range(4)]
    assert losses == sorted(losses)
