"""Metrics for ordered, imbalanced classes: pure functions of (references, predictions), and ``evaluate`` modules.

Each folder is one metric and loads alone: ``evaluate.load(metric_path("qwk"))``, also where this package is not
installed. How to add one stands in CONTRIBUTING.md.
"""

from blv_trainer.metrics.compute_metrics import make_compute_metrics

# A name such as accuracy is a subpackage too. The import system binds that as an attribute here while registry.py loads
# it; the line below, run after, leaves the function bound, for good.
from blv_trainer.metrics.registry import (
    METRICS,
    accuracy,
    adjacent_accuracy,
    ece,
    macro_accuracy,
    macro_adjacent_accuracy,
    macro_f1,
    macro_rmse,
    metric_path,
    pcc,
    qwk,
    rmse,
    smd,
)

__all__ = [
    "METRICS",
    "accuracy",
    "adjacent_accuracy",
    "ece",
    "macro_accuracy",
    "macro_adjacent_accuracy",
    "macro_f1",
    "macro_rmse",
    "make_compute_metrics",
    "metric_path",
    "pcc",
    "qwk",
    "rmse",
    "smd",
]
