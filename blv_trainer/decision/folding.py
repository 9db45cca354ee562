"""Writes a decision into a model, and reads it back."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import nn

from blv_trainer.decision.costs import Decision

Model = TypeVar("Model", bound=nn.Module)

_APPLIES_COSTS = "blv-mean-pooled"  # of MeanPooledConfig, also where its code came with a checkpoint


def fold(model: Model, decision: Decision) -> Model:
    """Write a decision into the model, so that everyone who loads it gets its answer, a plain pipeline and ONNX too.

    With power 0 it goes into the last ``nn.Linear`` with ``config.num_labels`` outputs, of any model: the weight
    becomes ``weight / temperature``, the bias ``(bias + shift) / temperature``. A cost (power above 0) is no linear
    layer: ``MeanPooledForSequenceClassification`` applies it in its forward pass, except while training; other heads
    cannot. ``config.decision`` says what was folded in.

    Args:
        model: a transformers classifier, changed in place.
        decision: over as many classes as the model has labels.

    Returns:
        The model.

    Raises:
        ValueError: a decision was folded before; the decision does not fit; the model is wrapped or has adapters, no
            suitable layer, one without bias, whose shift would be lost when the model is loaded, or a head of another
            kind for a decision by cost.

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
    config: Any = model.config
    if decision.power > 0 and config.model_type != _APPLIES_COSTS:
        raise ValueError(
            f"{type(model).__name__} has no place for a decision by cost (power={decision.power:g}): train with "
            "MeanPooledForSequenceClassification on this encoder (--head mean_pooled), or keep the decision outside "
            "(decision.apply(logits))."
        )
    if decision.power == 0 and head.bias is None and any(decision.shift):
        raise ValueError(
            f"layer {name!r} of {type(model).__name__} has no bias, and transformers would drop one when it loads the "
            "model: keep the decision outside (decision.apply(logits)), or train with "
            "MeanPooledForSequenceClassification on this encoder."
        )
    if decision.power == 0:
        with torch.no_grad():
            head.weight.div_(decision.temperature)
            if head.bias is not None:
                head.bias.add_(head.bias.new_tensor(decision.shift)).div_(decision.temperature)
    config.decision = decision.to_dict()
    return model


def folded(config: Any, *, of_groups: bool = False) -> Decision | None:
    """The decision that a model's configuration holds.

    Args:
        config: a transformers configuration.
        of_groups: that on what ``pool`` makes of the model's answers, in place of the one folded into the model.

    Returns:
        The decision; None where the largest logit decides.

    Examples:
        >>> from blv_trainer import MeanPooledConfig
        >>> config = MeanPooledConfig(num_labels=2, decision=Decision((0, 0.5), kind="tuned").to_dict())
        >>> folded(config).shift, folded(config, of_groups=True)
        ((0.0, 0.5), None)
    """
    given = getattr(config, "group_decision" if of_groups else "decision", None)
    return Decision.from_dict(given) if isinstance(given, dict) else None


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
