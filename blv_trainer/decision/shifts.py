"""The decision, and the shifts that need no data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import nn

from blv_trainer.checks import whole_counts
from blv_trainer.losses import ImbalanceLoss


@dataclass(frozen=True)
class Decision:
    """How logits become a level: the largest of ``(logits + shift) / temperature``.

    Args:
        shift: what is added to the logits of each class, in logit units, in label order, ``(num_classes,)``.
        temperature: divides the shifted logits, above 0. It changes the probabilities, never the level.
        kind: where the shift comes from: "raw", "consistent", "prior_corrected", "tuned", or a name of your own.
        tau: for "prior_corrected" and "tuned", how often the log prior was taken off.

    Raises:
        ValueError: a shift that is not finite, fewer than two classes, or a temperature not above 0.

    Examples:
        >>> decision = Decision((0.0, 1.5))
        >>> decision.apply([[2.0, 1.0]])
        array([[2. , 2.5]])
    """

    shift: tuple[float, ...]
    temperature: float = 1.0
    kind: str = "custom"
    tau: float | None = None

    def __post_init__(self) -> None:
        # Plain numbers, whatever array or scalar type they came in: they go into config.json.
        object.__setattr__(self, "shift", tuple(float(value) for value in self.shift))
        object.__setattr__(self, "temperature", float(self.temperature))
        if len(self.shift) < 2 or not all(map(math.isfinite, self.shift)):
            raise ValueError(
                f"shift={self.shift} cannot be used: give a finite number for each of two classes or more."
            )
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature={self.temperature} cannot be used: give a finite number above 0; 1 is none.")

    def apply(self, logits: ArrayLike) -> np.ndarray:
        """Logits as decided upon, ``(..., num_classes)`` in and out; a model into which it was folded gives the same.

        Raises:
            ValueError: logits of another number of classes.
        """
        logits = np.asarray(logits, dtype=np.float64)
        if logits.shape[-1:] != (len(self.shift),):
            raise ValueError(
                f"logits of shape {logits.shape} do not fit a decision over {len(self.shift)} classes: give shape "
                f"(..., {len(self.shift)})."
            )
        return (logits + self.shift) / self.temperature

    def to_dict(self) -> dict[str, Any]:
        """The decision in plain types, as ``config.decision`` holds it."""
        as_dict = {"kind": self.kind, "shift": list(self.shift), "temperature": self.temperature}
        return as_dict if self.tau is None else {**as_dict, "tau": self.tau}


def raw(num_classes: int) -> Decision:
    """The largest logit, as in the paper."""
    return Decision((0.0,) * num_classes, kind="raw")


def consistent(loss: nn.Module | None) -> Decision:
    """Add back what training added to the logits on average.

    For BLV it undoes what holds rare classes down. For ``logit_adjustment`` and ``gaussian_clouded``, which lower rare
    classes in training so that the raw decision favours them, it undoes that too. Losses that leave the logits alone
    (cross-entropy, class weights, margins, ordinal ones) have no shift.

    Args:
        loss: the loss that trained the model, as ``trainer.loss_fn``.

    Returns:
        The decision with shift ``loss.expected_shift()``.

    Raises:
        TypeError: a module that has no ``expected_shift()``.

    Examples:
        >>> from blv_trainer import build_loss
        >>> [round(value, 3) for value in consistent(build_loss("blv", [90, 10], sigma=6)).shift]
        [0.219, 4.787]
    """
    if not isinstance(loss, ImbalanceLoss):
        raise TypeError(
            f"{type(loss).__name__} does not say what it adds to the logits: derive it from blv_trainer.ImbalanceLoss "
            "and give it expected_shift(), or use tune()."
        )
    return Decision(tuple(loss.expected_shift().tolist()), kind="consistent")


def prior_corrected(class_counts: ArrayLike | None, tau: float = 1.0) -> Decision:
    """Take the class prior off: ``logits - tau log prior``.

    Args:
        class_counts: training examples of each class, in label order, ``(num_classes,)``.
        tau: how often; 1 makes all classes count the same (the best macro accuracy for well calibrated logits), 0 is
            the raw decision.

    Returns:
        The decision.

    Raises:
        ValueError: class counts that are no whole numbers above 0.

    Reference:
        Menon et al.: Long-tail Learning via Logit Adjustment. ICLR 2021, Eq. 9.

    Examples:
        >>> [round(value, 3) for value in prior_corrected([90, 10]).shift]
        [0.105, 2.303]
    """
    return Decision(tuple(-tau * log_prior(class_counts)), kind="prior_corrected", tau=float(tau))


def log_prior(class_counts: ArrayLike | None) -> np.ndarray:
    """Logarithm of each class's share of the training examples, ``(num_classes,)``."""
    counts = np.array(whole_counts(class_counts))
    if not counts.all():
        raise ValueError(
            f"class_counts={counts.tolist()} cannot be used: a class without training examples has no log prior."
        )
    return np.log(counts / counts.sum())
