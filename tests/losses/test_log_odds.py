import math

import pytest
import torch

from blv_trainer.losses.log_odds import log_odds


def test_it_is_log_of_p_over_one_minus_p():
    logits = torch.tensor([[0.3, -1.2, 2.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    for row, odds in zip(logits.tolist(), log_odds(logits).tolist(), strict=True):
        total = sum(map(math.exp, row))
        for logit, value in zip(row, odds, strict=True):
            p = math.exp(logit) / total
            assert value == pytest.approx(math.log(p / (1 - p)))


def test_saturated_logits_keep_finite_values_and_gradients():
    logits = torch.tensor([[100.0, -100.0, -100.0]], requires_grad=True)
    odds = log_odds(logits)
    odds.sum().backward()
    torch.testing.assert_close(odds.detach(), torch.tensor([[200 - math.log(2), -200.0, -200.0]]))
    assert torch.isfinite(logits.grad).all()
