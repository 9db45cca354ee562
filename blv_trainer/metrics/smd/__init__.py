"""``evaluate.load(metric_path("smd"))`` opens this folder."""

from .smd import Smd, smd

__all__ = ["Smd", "smd"]
