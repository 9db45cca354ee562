"""``evaluate.load(metric_path("macro_rmse"))`` opens this folder."""

from .macro_rmse import MacroRmse, macro_rmse

__all__ = ["MacroRmse", "macro_rmse"]
