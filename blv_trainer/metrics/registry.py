"""``METRICS``: all that is known of each metric."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

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
from blv_trainer.suggestions import did_you_mean


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

    def goodness(self, value: float) -> float:
        """The value turned so that higher is better."""
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
