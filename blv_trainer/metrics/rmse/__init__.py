"""``evaluate.load(metric_path("rmse"))`` opens this folder."""

from .rmse import Rmse, rmse

__all__ = ["Rmse", "rmse"]
