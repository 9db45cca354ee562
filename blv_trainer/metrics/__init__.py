"""Metrics for ordered, imbalanced classes: pure functions of (references, predictions), and ``evaluate`` modules.

Each folder is one metric and loads alone: ``evaluate.load(metric_path("qwk"))``, also where this package is not
installed. How to add one stands in CONTRIBUTING.md.
"""

from blv_trainer.metrics.registry import METRICS, Metric, check_metric, make_compute_metrics, metric_path

# A name such as accuracy is a folder too, and the import system bound that here while registry.py loaded it. These
# lines come after, for good.
accuracy = METRICS["accuracy"].function
adjacent_accuracy = METRICS["adjacent_accuracy"].function
ece = METRICS["ece"].function
macro_accuracy = METRICS["macro_accuracy"].function
macro_adjacent_accuracy = METRICS["macro_adjacent_accuracy"].function
macro_f1 = METRICS["macro_f1"].function
macro_rmse = METRICS["macro_rmse"].function
pcc = METRICS["pcc"].function
qwk = METRICS["qwk"].function
rmse = METRICS["rmse"].function
smd = METRICS["smd"].function

__all__ = [
    "METRICS",
    "Metric",
    "accuracy",
    "adjacent_accuracy",
    "check_metric",
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
