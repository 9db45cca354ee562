"""Which loss a training run gets, and the class counts that it needs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.utils.data import IterableDataset
from transformers import TrainingArguments

from blv_trainer.arguments import BLVTrainingArguments
from blv_trainer.losses import LOSSES, ImbalanceLoss, build_loss, check_loss
from blv_trainer.losses.base import counts_of
from blv_trainer.training.class_counts import count_classes

logger = logging.getLogger(__name__)

DEFAULT_LOSS = "blv"  # of a plain TrainingArguments, which cannot name one


def single_label_name(label_names: Sequence[str] | None, model: nn.Module) -> str:
    """The one argument of the model's ``forward`` that is the label.

    Raises:
        ValueError: the model takes several.
    """
    names = label_names or ["labels"]  # Trainer finds none where forward() takes no labels
    if len(names) != 1:
        raise ValueError(
            f"{type(model).__name__} takes {', '.join(names)} as labels, but BLVTrainer needs a classifier "
            "with one class index for each example; name it in TrainingArguments(label_names=[...])."
        )
    return names[0]


def check_head(config: Any) -> None:
    """Refuse a model whose head is not that of a classifier with one label a row.

    Args:
        config: the model's configuration, or None for a plain torch module, which is taken as it is.

    Raises:
        ValueError: a head for regression or for several labels a row.
    """
    problem = getattr(config, "problem_type", None)
    if problem in ("regression", "multi_label_classification") or getattr(config, "num_labels", 2) == 1:
        raise ValueError(
            f"the model's head is for {'regression' if problem is None else problem.replace('_', ' ')} "
            f"(problem_type={problem!r}, num_labels={config.num_labels}), but BLVTrainer trains classifiers: "
            "load the model with num_labels=<number of classes> and no problem_type."
        )


def resolve_class_counts(
    class_counts: Sequence[int] | torch.Tensor | None,
    train_dataset: Any,
    model: nn.Module,
    *,
    loss: str | nn.Module | None,
    label_name: str,
) -> list[int] | None:
    """The given counts, checked, or those of the training set.

    Returns:
        ``(num_classes,)`` counts in label order; None where there is nothing to count and a loss that needs none.

    Raises:
        ValueError: as many counts as the model has classes were not given; the training set cannot be counted.
    """
    num_classes = getattr(getattr(model, "config", None), "num_labels", None)
    if class_counts is not None:
        counts = counts_of(class_counts).tolist()
        if num_classes is not None and len(counts) != num_classes:
            raise ValueError(
                f"class_counts has {len(counts)} entries, the model {num_classes} classes: give one count "
                "for each class, in label order."
            )
        return counts
    if train_dataset is None or (isinstance(loss, nn.Module) and num_classes is None):
        return None
    if isinstance(train_dataset, IterableDataset) or not hasattr(train_dataset, "__len__"):
        if isinstance(loss, nn.Module):
            return None
        raise ValueError(
            "the training set is an IterableDataset, which cannot be counted beforehand: give "
            "class_counts=[examples of class 0, of class 1, ...]."
        )
    if num_classes is None:
        raise ValueError(
            f"{type(model).__name__} has no config.num_labels, so the number of classes is unknown: give "
            "class_counts=[examples of class 0, of class 1, ...]."
        )
    columns = dict.fromkeys([label_name, "labels", "label", "label_ids"])
    return count_classes(train_dataset, num_classes, label_columns=list(columns))


def resolve_loss(
    loss: str | nn.Module | None, args: TrainingArguments, class_counts: list[int] | None, *, config: Any
) -> nn.Module | None:
    """The loss as given, or built from its name, the arguments' options and the class counts.

    Returns:
        None without class counts: such a trainer can evaluate and predict only.

    Raises:
        ValueError: an unknown loss or option; options that cannot reach a module; a class without examples where the
            loss needs every class.
    """
    given = args.loss_kwargs if isinstance(args, BLVTrainingArguments) else None
    kwargs: dict[str, Any] = dict(cast(dict, given or {}))  # no longer JSON, once the arguments are built
    smoothing = args.label_smoothing_factor
    if isinstance(loss, nn.Module):
        return _with_smoothing(loss, kwargs, smoothing)
    if smoothing:
        kwargs.setdefault("label_smoothing", smoothing)
    if class_counts is None:
        return None
    if loss is None:
        loss = args.loss if isinstance(args, BLVTrainingArguments) else DEFAULT_LOSS
    check_loss(loss, kwargs)
    _check_every_class(loss, class_counts, getattr(config, "id2label", None) or {})
    return build_loss(loss, class_counts, **kwargs)


def describe_loss(loss: nn.Module | None) -> dict[str, Any] | None:
    """Name, options and expected shift of a loss, in plain types, as a checkpoint's config holds them."""
    if loss is None:
        return None
    if not isinstance(loss, ImbalanceLoss):
        return {"name": type(loss).__name__}
    name = next((name for name, known in LOSSES.items() if known is type(loss)), type(loss).__name__)
    return {"name": name, **loss.options, "expected_shift": loss.expected_shift().tolist()}


def describe_training(config: Any, loss: nn.Module, class_counts: list[int] | None) -> None:
    """Write class counts, loss and, unless it holds one, the raw decision into a model's configuration."""
    config.class_counts = class_counts
    config.training_loss = describe_loss(loss)
    if not hasattr(config, "decision"):
        config.decision = "raw"


def _with_smoothing(loss: nn.Module, kwargs: dict, smoothing: float) -> nn.Module:
    if kwargs:
        raise ValueError(
            f"loss_kwargs={kwargs} cannot reach {type(loss).__name__}, which was given as a module: set them "
            "there, or give the loss by its name."
        )
    if isinstance(loss, ImbalanceLoss):
        loss.label_smoothing = smoothing or loss.label_smoothing
    elif smoothing:
        raise ValueError(
            f"label_smoothing_factor={smoothing} cannot reach {type(loss).__name__}: set it inside the module, "
            "or derive the module from blv_trainer.ImbalanceLoss."
        )
    return loss


def _check_every_class(loss: str, class_counts: list[int], id2label: dict) -> None:
    empty = [f"{k} ({id2label.get(k, k)!r})" for k, count in enumerate(class_counts) if count == 0]
    if not empty or sum(count > 0 for count in class_counts) < 2:
        return
    if LOSSES[loss].needs_every_class:
        raise ValueError(
            f"class {', '.join(empty)} has no training example, so loss={loss!r} is undefined: add examples, leave "
            "the class out of the model's labels, or use a loss that needs no class counts, such as cross_entropy."
        )
    logger.warning("class %s has no training example and will hardly be predicted.", ", ".join(empty))
