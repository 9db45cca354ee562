"""The losses by name: ``LOSSES``, ``build_loss``.

The contract tests, the trainer, the command line and ``blv-trainer list`` know what is in ``LOSSES``. CONTRIBUTING.md
says how to add one.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import nn

from blv_trainer.checks import did_you_mean
from blv_trainer.losses.base import ImbalanceLoss, TrainingStep, logits_of
from blv_trainer.losses.blv import BLVLoss
from blv_trainer.losses.class_balanced import ClassBalancedLoss
from blv_trainer.losses.cross_entropy import CrossEntropyLoss
from blv_trainer.losses.emd import EMDLoss
from blv_trainer.losses.focal import FocalLoss
from blv_trainer.losses.gaussian_clouded import GaussianCloudedLoss
from blv_trainer.losses.ldam import LDAMLoss
from blv_trainer.losses.logit_adjustment import LogitAdjustmentLoss
from blv_trainer.losses.ordinal_log_loss import OrdinalLogLoss
from blv_trainer.losses.regression import RegressionLoss
from blv_trainer.losses.sord import SORDLoss
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
    "regression": RegressionLoss,
    "sord": SORDLoss,
    "weighted_cross_entropy": WeightedCrossEntropyLoss,
}

__all__ = [
    "LOSSES",
    "BLVLoss",
    "ImbalanceLoss",
    "TrainingStep",
    "build_loss",
    "check_loss",
    "describe_loss",
    "logits_of",
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
        TypeError: no name, or a word in place of a number.
        ValueError: an unknown name or option, or a value out of its range.

    Examples:
        >>> build_loss("blv", [90, 10], sigma=2).sigma
        2
    """
    check_loss(name, kwargs)
    return LOSSES[name](class_counts, **kwargs)


def check_loss(name: str, options: Mapping[str, Any]) -> None:
    """Raise what ``build_loss`` would for any class counts: unknown names, and values that cannot be used.

    Args:
        name: a key of ``LOSSES``.
        options: the loss's own.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"loss={name!r} is neither a name nor a module: give 'blv', or an object such as BLVLoss(class_counts)."
        )
    if name not in LOSSES:
        raise ValueError(f"loss={name!r} is unknown. {_choices(name, LOSSES)}")
    for option in options:
        if option not in loss_options(name):
            raise ValueError(f"option {option!r} of loss {name!r} is unknown. {_choices(option, loss_options(name))}")
    for option, default in loss_options(name).items():
        value = options.get(option, default)
        if not isinstance(default, str) and not (isinstance(value, Real) or value is default):
            wanted = "a number or None" if default is None else f"a number, such as {default}"
            raise TypeError(f"option {option}={value!r} of loss {name!r} cannot be used: give {wanted}.")
    LOSSES[name]([2, 1], **options)  # a value out of its range shows before data and model are loaded


def loss_options(name: str) -> dict[str, Any]:
    """The options of a loss, a key of ``LOSSES``, with their defaults."""
    parameters = list(inspect.signature(LOSSES[name]).parameters.values())[1:]
    return {parameter.name: parameter.default for parameter in parameters}


def describe_loss(loss: nn.Module | None) -> dict[str, Any] | None:
    """Name, options and expected shift of a loss, in plain types, as a checkpoint's config holds them.

    Args:
        loss: as ``trainer.loss_fn``; of a module that is no ``ImbalanceLoss`` only the name is known.

    Returns:
        Plain types, which JSON holds; None where there is no loss.
    """
    if loss is None:
        return None
    if not isinstance(loss, ImbalanceLoss):
        return {"name": type(loss).__name__}
    name = next((name for name, known in LOSSES.items() if known is type(loss)), type(loss).__name__)
    return {"name": name, **loss.options, "expected_shift": loss.expected_shift().tolist()}


def _choices(given: str, accepted: Sequence[str] | dict[str, Any]) -> str:
    return f"Choose from: {', '.join(sorted(accepted))}.{did_you_mean(given, accepted)}"
