"""``evaluate.load(metric_path("ece"))`` opens this folder."""

from .ece import Ece, ece

__all__ = ["Ece", "ece"]
