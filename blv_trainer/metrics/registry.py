"""The metrics by name."""

from collections.abc import Callable
from pathlib import Path

from blv_trainer.metrics.accuracy import accuracy
from blv_trainer.metrics.adjacent_accuracy import adjacent_accuracy
from blv_trainer.metrics.ece import ece
from blv_trainer.metrics.macro_accuracy import macro_accuracy
from blv_trainer.metrics.macro_adjacent_accuracy import macro_adjacent_accuracy
from blv_trainer.metrics.macro_f1 import macro_f1
from blv_trainer.metrics.macro_rmse import macro_rmse
from blv_trainer.metrics.pcc import pcc
from blv_trainer.metrics.qwk import qwk
from blv_trainer.metrics.rmse import rmse
from blv_trainer.metrics.smd import smd
from blv_trainer.suggestions import did_you_mean

METRICS: dict[str, Callable[..., float]] = {
    "accuracy": accuracy,
    "macro_accuracy": macro_accuracy,
    "adjacent_accuracy": adjacent_accuracy,
    "macro_adjacent_accuracy": macro_adjacent_accuracy,
    "rmse": rmse,
    "macro_rmse": macro_rmse,
    "pcc": pcc,
    "macro_f1": macro_f1,
    "qwk": qwk,
    "smd": smd,
    "ece": ece,
}


# Of the others, higher is better.
LOWER_IS_BETTER = ("rmse", "macro_rmse", "ece")
NEARER_0_IS_BETTER = ("smd",)


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


def goodness(name: str, value: float) -> float:
    """A metric's value turned so that higher is better.

    Examples:
        >>> goodness("qwk", 0.7), goodness("rmse", 0.7), goodness("smd", -0.1)
        (0.7, -0.7, -0.1)
    """
    if name in NEARER_0_IS_BETTER:
        return -abs(value)
    return -value if name in LOWER_IS_BETTER else value


def check_metric(name: str) -> None:
    """Raises a ValueError where ``name`` is no key of ``METRICS``."""
    if name not in METRICS:
        choices = ", ".join(sorted(METRICS))
        raise ValueError(f"metric={name!r} is unknown. Choose from: {choices}.{did_you_mean(name, METRICS)}")
