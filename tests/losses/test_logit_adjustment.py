import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import LogitAdjustmentLoss

COUNTS = [60, 30, 10]
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.5, -0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 1])


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_it_is_the_softmax_with_each_term_multiplied_by_prior_to_the_tau(tau):
    total = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        terms = [(count / 100) ** tau * math.exp(logit) for count, logit in zip(COUNTS, row, strict=True)]
        total -= math.log(terms[label] / sum(terms))
    logits = LOGITS.clone().requires_grad_()
    assert LogitAdjustmentLoss(COUNTS, tau=tau)(logits, LABELS).item() == pytest.approx(total / 3, rel=1e-6)


def test_tau_zero_is_cross_entropy():
    logits = LOGITS.clone().requires_grad_()
    torch.testing.assert_close(LogitAdjustmentLoss(COUNTS, tau=0)(logits, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_with_tau_one_a_model_that_knows_only_the_prior_has_nothing_to_learn():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    row = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    LogitAdjustmentLoss(COUNTS)(row.expand(10, 3), labels).backward()
    torch.testing.assert_close(row.grad, torch.zeros(3, dtype=torch.float64), atol=1e-7, rtol=0)


def test_expected_shift_is_tau_times_the_log_prior():
    shift = LogitAdjustmentLoss(COUNTS, tau=2).expected_shift().tolist()
    assert shift == pytest.approx([2 * math.log(count / 100) for count in COUNTS], rel=1e-6)
