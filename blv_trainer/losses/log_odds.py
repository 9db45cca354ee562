"""Log-odds of each class under softmax, without rounding at saturated logits."""

from __future__ import annotations

import torch


def log_odds(logits: torch.Tensor) -> torch.Tensor:
    """The log-odds of each class against all others: ``log(p / (1 - p))``, p = softmax(logits).

    Taken from the logits, not from p: near p = 1 rounding makes 1 - p zero, and its logarithm and gradient infinite.

    Args:
        logits: ``(batch, num_classes)``, two classes or more.

    Shape:
        - Output: ``(batch, num_classes)``.

    Examples:
        >>> log_odds(torch.tensor([[100.0, 0.0]]))
        tensor([[ 100., -100.]])
    """
    itself = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
    others = logits.unsqueeze(-2).masked_fill(itself, -torch.inf)  # (batch, num_classes, num_classes)
    return logits - others.logsumexp(dim=-1)
