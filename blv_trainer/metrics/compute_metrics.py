"""From logits and labels to all metrics, as the trainer wants them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from blv_trainer.metrics.registry import METRICS

IGNORE_INDEX = -100  # the label of samples that do not count, as in torch and transformers


def make_compute_metrics(label_names: Sequence[str]) -> Callable[[Any], dict[str, float]]:
    """Make a function that computes all metrics from logits, for ``Trainer(compute_metrics=...)``.

    Class metrics, ``pcc``, ``rmse``, ``macro_rmse`` and ``smd`` are those of the class with the largest logit, taken as
    a level 0..K-1, as in Tsai et al. (2025, arXiv 2509.03010); ``ece`` is that of the softmax probabilities.

    Args:
        label_names: the names of the classes in the order of the logits, lowest level first.

    Returns:
        A function of one argument, either a ``transformers.EvalPrediction`` or a pair (logits, labels) of shapes
        ``(n, num_classes)`` and ``(n,)``; of a tuple of model outputs the first counts as logits. Samples with label
        -100 are dropped. It returns the value of each of ``METRICS`` and raises ValueError where shapes or labels do
        not fit, logits are not finite or no label is left.

    Raises:
        ValueError: fewer than two names, or one string in place of a sequence.

    Examples:
        >>> compute_metrics = make_compute_metrics(["A2", "B1", "B2"])
        >>> metrics = compute_metrics(([[9, 0, 0], [0, 9, 0], [0, 9, 0]], [0, 1, 2]))
        >>> round(metrics["accuracy"], 4), metrics["adjacent_accuracy"]
        (0.6667, 1.0)
    """
    if isinstance(label_names, str) or len(label_names) < 2:
        raise ValueError(
            f"label_names={label_names!r} cannot be used: give a list of two or more names, in label order."
        )
    names = list(label_names)

    def compute_metrics(evaluation: Any) -> dict[str, float]:
        logits, labels = _logits_and_labels(evaluation, names)
        inputs = dict.fromkeys(METRICS, logits.argmax(axis=1)) | {"ece": softmax(logits, axis=1)}
        return {name: metric(labels, inputs[name]) for name, metric in METRICS.items()}

    return compute_metrics


def _logits_and_labels(evaluation: Any, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``(n, num_classes)`` and labels ``(n,)`` of the samples that count."""
    if hasattr(evaluation, "label_ids"):  # an EvalPrediction, known by its attributes: transformers is not needed here
        logits, labels = evaluation.predictions, evaluation.label_ids
    else:
        logits, labels = evaluation
    logits = np.asarray(logits[0] if isinstance(logits, tuple) else logits, dtype=np.float64)
    labels = np.asarray(labels)
    if logits.ndim != 2 or logits.shape[1] != len(names):
        raise ValueError(
            f"logits have shape {logits.shape}; with the {len(names)} labels {', '.join(names)} "
            f"they must be of shape (n, {len(names)})."
        )
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"labels have shape {labels.shape}; logits {logits.shape} need one label per row.")
    counted = labels != IGNORE_INDEX
    if not counted.any():
        raise ValueError(f"none of {labels.size} labels counts (all are {IGNORE_INDEX}); evaluate on labelled samples.")
    wrong = labels[counted & ~np.isin(labels, np.arange(len(names)))]
    if wrong.size:
        raise ValueError(
            f"labels holds {wrong[0]:g}; with the {len(names)} labels {', '.join(names)} "
            f"they must be from 0 to {len(names) - 1}, or {IGNORE_INDEX} to leave a sample out."
        )
    logits, labels = logits[counted], labels[counted]
    broken = np.count_nonzero(~np.isfinite(logits).all(axis=1))
    if broken:
        raise ValueError(
            f"{broken} of {len(logits)} rows of logits hold NaN or infinity; the model has diverged or overflowed "
            "(try a lower learning rate, or bf16 in place of fp16)."
        )
    return logits, labels
