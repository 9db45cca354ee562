"""``METRICS``: all that is known of each metric; and the function that computes them all, as the trainer wants it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from scipy.special import softmax

from blv_trainer.checks import did_you_mean, labelled_rows
from blv_trainer.metrics.accuracy.accuracy import accuracy
from blv_trainer.metrics.adjacent_accuracy.adjacent_accuracy import adjacent_accuracy
from blv_trainer.metrics.ece.ece import ece
from blv_trainer.metrics.macro_accuracy.macro_accuracy import macro_accuracy
from blv_trainer.metrics.macro_adjacent_accuracy.macro_adjacent_accuracy import macro_adjacent_accuracy
from blv_trainer.metrics.macro_f1.macro_f1 import macro_f1
from blv_trainer.metrics.macro_rmse.macro_rmse import macro_rmse
from blv_trainer.metrics.pcc.pcc import pcc
from blv_trainer.metrics.qwk.qwk import qwk
from blv_trainer.metrics.rmse.rmse import rmse
from blv_trainer.metrics.smd.smd import smd

Value = TypeVar("Value", float, np.ndarray)


@dataclass(frozen=True)
class Metric:
    """One metric; called as its function.

    Args:
        function: of (references, predictions), or of (references, probabilities) where ``of`` says so.
        heading: of its column in tables.
        title: its name in words, with the unit.
        better: which values are.
        percent: whether tables show it times 100, as the literature does.
        of: what it judges beside the references: predicted classes, scores that need not be whole, or probabilities.
        in_paper: whether Tsai et al. (2025, arXiv 2509.03010, Table 2) report it.

    Examples:
        >>> METRICS["qwk"]([0, 1, 2], [0, 1, 2]), METRICS["rmse"].better
        (1.0, 'lower')
    """

    function: Callable[..., float]
    heading: str
    title: str
    better: Literal["higher", "lower", "near 0"] = "higher"
    percent: bool = False
    of: Literal["classes", "scores", "probabilities"] = "classes"
    in_paper: bool = True

    def __call__(self, *args, **kwargs) -> float:  # type: ignore[no-untyped-def]  # those of the function
        """The function's value."""
        return self.function(*args, **kwargs)

    def goodness(self, value: Value) -> Value:
        """The value, or an array of them, turned so that higher is better."""
        return {"higher": value, "lower": -value, "near 0": -abs(value)}[self.better]

    def format(self, value: float | None, *, fewer: int = 0) -> str:
        """The value as tables show it, with ``fewer`` decimals; a dash where it is undefined.

        Examples:
            >>> METRICS["accuracy"].format(0.5714), METRICS["qwk"].format(0.5714, fewer=1), METRICS["pcc"].format(None)
            ('57.14', '0.571', '-')
        """
        if value is None or value != value:
            return "-"
        return f"{100 * value:.{2 - fewer}f}" if self.percent else f"{value:.{4 - fewer}f}"


# In the order of the paper's table, then those that assessment asks for beside them.
METRICS: dict[str, Metric] = {
    "accuracy": Metric(accuracy, "Acc %", "Accuracy, %", percent=True),
    "macro_accuracy": Metric(macro_accuracy, "Macro acc %", "Macro accuracy, %", percent=True),
    "adjacent_accuracy": Metric(adjacent_accuracy, "Adj %", "Adjacent accuracy, %", percent=True),
    "macro_adjacent_accuracy": Metric(
        macro_adjacent_accuracy, "Macro adj %", "Macro adjacent accuracy, %", percent=True
    ),
    "rmse": Metric(rmse, "RMSE", "RMSE, in classes", "lower", of="scores"),
    "macro_rmse": Metric(macro_rmse, "Macro RMSE", "Macro RMSE, in classes", "lower", of="scores"),
    "pcc": Metric(pcc, "PCC", "Pearson correlation", of="scores"),
    "macro_f1": Metric(macro_f1, "Macro F1", "Macro F1"),
    "qwk": Metric(qwk, "QWK", "Quadratic weighted kappa", in_paper=False),
    "smd": Metric(smd, "SMD", "Standardised mean difference", "near 0", of="scores", in_paper=False),
    "ece": Metric(ece, "ECE", "Expected calibration error", "lower", of="probabilities", in_paper=False),
}


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
    num_classes = len(label_names)

    def compute_metrics(evaluation: Any) -> dict[str, float]:
        if hasattr(evaluation, "label_ids"):  # an EvalPrediction, known by its attributes: transformers is not needed
            evaluation = evaluation.predictions, evaluation.label_ids
        logits, labels = evaluation
        if isinstance(labels, list) and np.ndim(labels[0]):  # eval_do_concat_batches=False
            batches = [batch[0] if isinstance(batch, tuple) else batch for batch in logits]
            logits, labels = np.concatenate(batches), np.concatenate(labels)
        logits, labels = labelled_rows(logits[0] if isinstance(logits, tuple) else logits, labels, num_classes)
        inputs = dict.fromkeys(METRICS, logits.argmax(axis=1)) | {"ece": softmax(logits, axis=1)}
        return {name: metric.function(labels, inputs[name]) for name, metric in METRICS.items()}

    compute_metrics.names = (*METRICS,)  # type: ignore[attr-defined]  # so that others are refused before training
    return compute_metrics


def metric_path(name: str) -> str:
    """The folder of a metric, to give to ``evaluate.load``.

    Args:
        name: a key of ``METRICS``.

    Returns:
        The path of the folder.

    Raises:
        ValueError: an unknown name.

    Examples:
        >>> import evaluate
        >>> metric = evaluate.load(metric_path("qwk"), keep_in_memory=True)
        >>> metric.compute(references=[0, 1, 2], predictions=[0, 1, 2])
        {'qwk': 1.0}
    """
    check_metric(name)
    return str(Path(__file__).parent / name)


def check_metric(name: str) -> None:
    """Raise a ValueError where ``name`` is no key of ``METRICS``."""
    if name not in METRICS:
        choices = ", ".join(sorted(METRICS))
        raise ValueError(f"metric={name!r} is unknown. Choose from: {choices}.{did_you_mean(name, METRICS)}")
