"""``evaluate.load(metric_path("pcc"))`` opens this folder."""

from .pcc import Pcc, pcc

__all__ = ["Pcc", "pcc"]
