"""``evaluate.load(metric_path("macro_f1"))`` opens this folder."""

from .macro_f1 import MacroF1, macro_f1

__all__ = ["MacroF1", "macro_f1"]
