"""Counts how often each class occurs in a training set, reading nothing but the label column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from blv_trainer.losses import IGNORE_INDEX

_ROWS_AT_A_TIME = 100_000  # bounds memory on datasets of any size
_COLUMNS = ("labels", "label", "label_ids")  # what transformers' collators accept


def count_classes(dataset: Any, num_classes: int, *, label_columns: Sequence[str] = _COLUMNS) -> list[int]:
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
    counts = np.zeros(num_classes, dtype=np.int64)
    for labels in _label_chunks(dataset, label_columns):
        labels = labels[labels != IGNORE_INDEX]
        wrong = labels[(labels < 0) | (labels >= num_classes)]
        if len(wrong):
            raise ValueError(
                f"labels {sorted(set(wrong.tolist()))[:5]} of the training set are out of range: the model has "
                f"{num_classes} classes and takes labels 0 to {num_classes - 1}; load it with the right num_labels or "
                "correct the labels."
            )
        counts += np.bincount(labels, minlength=num_classes)
    return counts.tolist()


def _label_chunks(dataset: Any, label_columns: Sequence[str]) -> Iterator[np.ndarray]:
    import datasets

    if isinstance(dataset, datasets.Dataset):
        column = _first(label_columns, dataset.column_names)
        tables = dataset.select_columns([column]).with_format("arrow").iter(batch_size=_ROWS_AT_A_TIME)
        for table in tables:
            values = table[column]
            if values.null_count:
                raise ValueError(f"column {column!r} has rows without a label: fill them in, drop them, or set -100.")
            yield _whole_numbers(values.to_numpy(), column)
        return
    labels = []
    for row in range(len(dataset)):
        item = dataset[row]
        labels.append(item[_first(label_columns, item)])
        if len(labels) == _ROWS_AT_A_TIME or row == len(dataset) - 1:
            yield _whole_numbers(np.asarray(labels), "labels")
            labels = []


def _first(label_columns: Sequence[str], found: Any) -> str:
    for column in label_columns:
        if column in found:
            return column
    raise ValueError(
        f"the training set has no label column: it has {', '.join(map(str, found))}; rename the right one to 'label', "
        "name it in TrainingArguments(label_names=[...]), or give class_counts=[...]."
    )


def _whole_numbers(labels: np.ndarray, column: str) -> np.ndarray:
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        return labels.astype(np.int64)
    example = labels[0].tolist() if hasattr(labels[0], "tolist") else labels[0]
    raise ValueError(
        f"column {column!r} holds {example!r} where a class index is needed: one whole number a row. Text becomes "
        "class indices with dataset.class_encode_column(...); regression and multi-label targets are not supported."
    )
