"""``evaluate.load(metric_path("macro_adjacent_accuracy"))`` opens this folder."""

from .macro_adjacent_accuracy import MacroAdjacentAccuracy, macro_adjacent_accuracy

__all__ = ["MacroAdjacentAccuracy", "macro_adjacent_accuracy"]
