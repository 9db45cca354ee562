"""The losses by name: ``LOSSES``, ``build_loss``.

To add one: a file ``losses/<name>.py`` with a subclass of ``ImbalanceLoss``, and a line in ``LOSSES``. The contract
test then runs over it, and the trainer, the command line and ``blv-trainer list`` know it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import torch

from blv_trainer.losses.base import IGNORE_INDEX, ImbalanceLoss, TrainingStep
from blv_trainer.losses.blv import BLVLoss
from blv_trainer.losses.class_balanced import ClassBalancedLoss
from blv_trainer.losses.cross_entropy import CrossEntropyLoss
from blv_trainer.losses.emd import EMDLoss
from blv_trainer.losses.focal import FocalLoss
from blv_trainer.losses.gaussian_clouded import GaussianCloudedLoss
from blv_trainer.losses.ldam import LDAMLoss
from blv_trainer.losses.logit_adjustment import LogitAdjustmentLoss
from blv_trainer.losses.ordinal_log_loss import OrdinalLogLoss
from blv_trainer.losses.weighted_cross_entropy import WeightedCrossEntropyLoss

LOSSES: dict[str, type[ImbalanceLoss]] = {
    "blv": BLVLoss,
    "class_balanced": ClassBalancedLoss,
    "cross_entropy": CrossEntropyLoss,
    "emd": EMDLoss,
    "focal": FocalLoss,
    "gaussian_clouded": GaussianCloudedLoss,
    "ldam": LDAMLoss,
    "logit_adjustment": LogitAdjustmentLoss,
    "ordinal_log_loss": OrdinalLogLoss,
    "weighted_cross_entropy": WeightedCrossEntropyLoss,
}

__all__ = [
    "IGNORE_INDEX",
    "LOSSES",
    "BLVLoss",
    "ClassBalancedLoss",
    "CrossEntropyLoss",
    "EMDLoss",
    "FocalLoss",
    "GaussianCloudedLoss",
    "ImbalanceLoss",
    "LDAMLoss",
    "LogitAdjustmentLoss",
    "OrdinalLogLoss",
    "TrainingStep",
    "WeightedCrossEntropyLoss",
    "build_loss",
    "check_loss",
    "loss_options",
]


def build_loss(name: str, class_counts: Sequence[int] | torch.Tensor, **kwargs: Any) -> ImbalanceLoss:
    """Build a loss by its name.

    Args:
        name: a key of ``LOSSES``.
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        **kwargs: the loss's own options.

    Returns:
        The loss; call it as ``loss(logits, labels)`` or hand it to ``Trainer(compute_loss_func=...)``.

    Raises:
        ValueError: an unknown name or option, or a value out of its range.

    Examples:
        >>> build_loss("blv", [90, 10], sigma=2).sigma
        2
    """
    check_loss(name, kwargs)
    return LOSSES[name](class_counts, **kwargs)


def check_loss(name: str, options: Iterable[str] = ()) -> None:
    """Raise a ValueError that lists what is known unless ``name`` is a loss that has all of ``options``."""
    if name not in LOSSES:
        raise ValueError(f"loss={name!r} is unknown. {_choices(name, LOSSES)}")
    for option in options:
        if option not in loss_options(name):
            raise ValueError(f"option {option!r} of loss {name!r} is unknown. {_choices(option, loss_options(name))}")


def loss_options(name: str) -> dict[str, Any]:
    """The options of a loss with their defaults."""
    parameters = list(inspect.signature(LOSSES[name]).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def _choices(given: str, accepted: Sequence[str] | dict[str, Any]) -> str:
    close = get_close_matches(str(given), accepted, n=1)
    return f"Choose from: {', '.join(sorted(accepted))}." + (f" Did you mean {close[0]!r}?" if close else "")
