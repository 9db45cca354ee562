"""``evaluate.load(metric_path("macro_accuracy"))`` opens this folder."""

from .macro_accuracy import MacroAccuracy, macro_accuracy

__all__ = ["MacroAccuracy", "macro_accuracy"]
