"""Which loss a training run gets, and the class counts that it needs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset
from transformers import TrainingArguments

from blv_trainer.arguments import BLVTrainingArguments
from blv_trainer.checks import IGNORE_INDEX, check_labels, whole_counts
from blv_trainer.losses import LOSSES, ImbalanceLoss, build_loss, check_loss

logger = logging.getLogger(__name__)

_DEFAULT_LOSS = "blv"  # of a plain TrainingArguments, which cannot name one
_LABEL_COLUMNS = ("labels", "label", "label_ids")  # what transformers' collators accept


def checked_label_name(label_names: Sequence[str] | None, model: nn.Module, *, given: Sequence[str] | None) -> str:
    """The label's name in ``forward``; a ValueError unless the model gives each row one class, as far as it says.

    ``given`` are the ``label_names`` of the arguments, from which ``label_names`` come where there are any.
    """
    config = getattr(model, "config", None)  # plain torch modules have none
    problem = getattr(config, "problem_type", None)
    num_labels = getattr(config, "num_labels", None)
    if problem in ("regression", "multi_label_classification") or num_labels == 1:
        raise ValueError(
            f"the model's head is for {'regression' if problem is None else problem.replace('_', ' ')} "
            f"(problem_type={problem!r}, num_labels={num_labels}), but BLVTrainer trains classifiers: "
            "load the model with num_labels=<number of classes> and no problem_type."
        )
    names = label_names or ["labels"]  # Trainer finds none where forward() takes no labels
    if len(names) != 1:
        what = f"label_names={list(given)} names" if given else f"{type(model).__name__} takes {', '.join(names)} as"
        raise ValueError(
            f"{what} {len(names)} labels, but BLVTrainer needs a classifier with one class index for each example: "
            "name that one in TrainingArguments(label_names=[...])."
        )
    return names[0]


def resolve_class_counts(
    class_counts: Sequence[int] | torch.Tensor | None,
    train_dataset: Any,
    model: nn.Module,
    *,
    loss: str | nn.Module | None,
    label_name: str,
) -> list[int] | None:
    """The given counts, checked, or those of the training set; None where none are needed and nothing is counted."""
    num_classes = getattr(getattr(model, "config", None), "num_labels", None)
    if class_counts is not None:
        counts = whole_counts(class_counts)
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
    return count_classes(train_dataset, num_classes, label_columns=[label_name, *_LABEL_COLUMNS])


def count_classes(dataset: Any, num_classes: int, *, label_columns: Sequence[str] = _LABEL_COLUMNS) -> list[int]:
    """Count the labels of a dataset.

    Args:
        dataset: a ``datasets.Dataset``, whose label column alone is read, or any map-style dataset of dictionaries,
            whose items are all read once.
        num_classes: number of classes; labels are 0 to ``num_classes - 1``, and -100 for rows to ignore.
        label_columns: names that the label may have, the first that is there counts.

    Returns:
        ``num_classes`` counts in label order.

    Raises:
        ValueError: no label column; labels that are missing, not whole numbers, or out of range.

    Examples:
        >>> from datasets import Dataset
        >>> count_classes(Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 2, 2]}), 3)
        [1, 0, 2]
    """
    labels = _labels_of(dataset, label_columns)  # (rows,)
    check_labels(labels, num_classes)
    return np.bincount(labels[labels != IGNORE_INDEX], minlength=num_classes).tolist()


def _labels_of(dataset: Any, label_columns: Sequence[str]) -> np.ndarray:
    import datasets

    if not len(dataset):
        return np.empty(0, dtype=np.int64)
    if isinstance(dataset, datasets.Dataset):
        column = _first(label_columns, dataset.column_names)
        values = dataset.select_columns([column]).with_format("arrow")[:][column]
        if values.null_count:
            raise ValueError(f"column {column!r} has rows without a label: fill them in, drop them, or set -100.")
        labels = values.to_numpy()
    else:
        column = _first(label_columns, dataset[0])
        rows = range(len(dataset) if np.ndim(dataset[0][column]) == 0 else 1)  # lists may be of unequal length
        labels = np.asarray([dataset[row][column] for row in rows])
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    example = labels[0].tolist() if hasattr(labels[0], "tolist") else labels[0]
    shown = (
        f"a list of {len(example)}, such as {example[0]!r:.40}," if isinstance(example, list) else f"{example!r:.40}"
    )
    raise ValueError(
        f"column {column!r} holds {shown} where a class index is needed: one whole number a row. Text becomes class "
        "indices with dataset.class_encode_column(...); labels of tokens, regression and multi-label targets are not "
        "supported."
    )


def _first(label_columns: Sequence[str], found: Any) -> str:
    for column in label_columns:
        if column in found:
            return column
    raise ValueError(
        f"the training set has no label column: it has {', '.join(map(str, found))}; rename the right one to 'label', "
        "name it in TrainingArguments(label_names=[...]), or give class_counts=[...]."
    )


def resolve_loss(
    loss: str | nn.Module | None, args: TrainingArguments, class_counts: list[int] | None, *, config: Any
) -> nn.Module | None:
    """The loss as given, or built from its name; None without class counts, where nothing can be trained."""
    given = args.loss_kwargs if isinstance(args, BLVTrainingArguments) else None
    kwargs: dict[str, Any] = dict(cast(dict, given or {}))  # no longer JSON, once the arguments are built
    if isinstance(loss, nn.Module):
        return _with_smoothing(loss, kwargs, args.label_smoothing_factor)
    if args.label_smoothing_factor:
        kwargs.setdefault("label_smoothing", args.label_smoothing_factor)
    if class_counts is None:
        return None
    if loss is None:
        loss = args.loss if isinstance(args, BLVTrainingArguments) else _DEFAULT_LOSS
    check_loss(loss, kwargs)
    check_every_class(loss, class_counts, getattr(config, "id2label", None) or {})
    return build_loss(loss, class_counts, **kwargs)


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


def check_every_class(loss: str, class_counts: Sequence[int], id2label: Mapping[int, str]) -> None:
    """Refuse a loss that is undefined for a class without training rows; warn of the class where it is defined.

    Args:
        loss: a key of ``LOSSES``.
        class_counts: training rows of each class, ``(num_classes,)``.
        id2label: names of the classes, as far as they are known.

    Raises:
        ValueError: the loss needs a row of every class.
    """
    empty = [f"{k} ({id2label.get(k, k)!r})" for k, count in enumerate(class_counts) if count == 0]
    if not empty or sum(count > 0 for count in class_counts) < 2:
        return
    if LOSSES[loss].needs_every_class:
        raise ValueError(
            f"class {', '.join(empty)} has no training example, so loss={loss!r} is undefined: add examples, leave "
            "the class out of the model's labels, or use a loss that needs no class counts, such as cross_entropy."
        )
    logger.warning("class %s has no training example and will hardly be predicted.", ", ".join(empty))
