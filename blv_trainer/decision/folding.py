"""Writes a decision into a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from blv_trainer.decision.shifts import Decision

Model = TypeVar("Model", bound=nn.Module)


def fold(model: Model, shift: Decision | Sequence[float] | ArrayLike, temperature: float | None = None) -> Model:
    """Write a decision into the model's last linear layer, so that everyone who loads the model gets its answer.

    The layer is the last ``nn.Linear`` with ``config.num_labels`` outputs. The weight becomes ``weight / temperature``,
    the bias ``(bias + shift) / temperature``, and ``config.decision`` says so.

    Args:
        model: a transformers classifier, changed in place.
        shift: a ``Decision``, or what to add to the logits of each class, ``(num_classes,)``.
        temperature: divides the shifted logits, above 0; 1 unless given. Not beside a ``Decision``.

    Returns:
        The model.

    Raises:
        TypeError: a temperature beside a ``Decision``.
        ValueError: a decision was folded before; the shift does not fit; the model has no suitable layer, or a layer
            without bias, whose shift would be lost when the model is loaded; adapters or quantised weights.

    Examples:
        >>> model = fold(model, tune(logits, labels, "qwk", class_counts=counts))  # doctest: +SKIP
        >>> model.save_pretrained("out")  # doctest: +SKIP
    """
    if not isinstance(shift, Decision):
        decision = Decision(tuple(np.atleast_1d(np.asarray(shift))), 1.0 if temperature is None else temperature)
    elif temperature is None:
        decision = shift
    else:
        raise TypeError("a Decision has its own temperature: give fold(model, decision), or a shift and a temperature.")
    config: Any = getattr(model, "config", None)  # plain torch modules have none
    name, head = _last_linear(model, config)
    if head.out_features != len(decision.shift):
        raise ValueError(
            f"a decision over {len(decision.shift)} classes does not fit {type(model).__name__} with "
            f"{head.out_features} labels."
        )
    if head.bias is None and any(decision.shift):
        raise ValueError(
            f"layer {name!r} of {type(model).__name__} has no bias, and transformers would drop one when it loads the "
            "model: keep the decision outside (decision.apply(logits)), or train with "
            "MeanPooledForSequenceClassification on this encoder."
        )
    with torch.no_grad():
        head.weight.div_(decision.temperature)
        if head.bias is not None:
            head.bias.add_(head.bias.new_tensor(decision.shift)).div_(decision.temperature)
    config.decision = decision.to_dict()
    return model


def _last_linear(model: nn.Module, config: Any) -> tuple[str, nn.Linear]:
    kind = type(model).__name__
    if not hasattr(config, "num_labels"):
        raise ValueError(f"{kind} has no config.num_labels: give the transformers model itself, out of its wrappers.")
    if isinstance(getattr(config, "decision", None), dict):
        raise ValueError(
            f"{kind} holds a folded decision already ({config.decision}): load the checkpoint from before."
        )
    if hasattr(model, "peft_config"):
        raise ValueError(
            f"{kind} has adapters, whose checkpoint would not hold the changed layer: call "
            "model = model.merge_and_unload() first."
        )
    layers = [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and layer.out_features == config.num_labels
    ]
    if not layers:
        raise ValueError(
            f"{kind} has no linear layer with num_labels={config.num_labels} outputs to fold a decision into: "
            "keep the decision outside (decision.apply(logits))."
        )
    name, head = layers[-1]
    if not head.weight.is_floating_point():
        raise ValueError(f"layer {name!r} of {kind} is quantised ({head.weight.dtype}): fold before quantising.")
    return name, head
