"""Writes a decision into a model."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import nn

from blv_trainer.decision.shifts import Decision

Model = TypeVar("Model", bound=nn.Module)


def fold(model: Model, decision: Decision) -> Model:
    """Write a decision into the model's last linear layer, so that everyone who loads the model gets its answer.

    The layer is the last ``nn.Linear`` with ``config.num_labels`` outputs. The weight becomes ``weight / temperature``,
    the bias ``(bias + shift) / temperature``, and ``config.decision`` says so.

    Args:
        model: a transformers classifier, changed in place.
        decision: over as many classes as the model has labels.

    Returns:
        The model.

    Raises:
        ValueError: a decision was folded before; the decision does not fit; the model is wrapped or has adapters, no
            suitable layer, or one without bias, whose shift would be lost when the model is loaded.

    Examples:
        >>> model = fold(model, tune(logits, labels, "qwk", class_counts=counts))  # doctest: +SKIP
        >>> model.save_pretrained("out")  # doctest: +SKIP
    """
    name, head = _last_linear(model)
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
    config: Any = model.config
    config.decision = decision.to_dict()
    return model


def _last_linear(model: nn.Module) -> tuple[str, nn.Linear]:
    kind = type(model).__name__
    config: Any = getattr(model, "config", None)  # plain torch modules have none
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
    return layers[-1]
