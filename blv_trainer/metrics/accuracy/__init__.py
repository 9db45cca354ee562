"""``evaluate.load(metric_path("accuracy"))`` opens this folder."""

from .accuracy import Accuracy, accuracy

__all__ = ["Accuracy", "accuracy"]
