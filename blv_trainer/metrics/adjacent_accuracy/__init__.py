"""``evaluate.load(metric_path("adjacent_accuracy"))`` opens this folder."""

from .adjacent_accuracy import AdjacentAccuracy, adjacent_accuracy

__all__ = ["AdjacentAccuracy", "adjacent_accuracy"]
