"""``evaluate.load(metric_path("qwk"))`` opens this folder."""

from .qwk import Qwk, qwk

__all__ = ["Qwk", "qwk"]
