"""The decision itself: shift, temperature and cost, from logits to scores whose largest is the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax


@dataclass(frozen=True)
class Decision:
    """How logits become a level: shifted, divided by a temperature, and, for ordered levels, weighed by a cost.

        p = softmax((logits + shift) / temperature)
        cost_k = sum_j |k - j|^power p_j          of answering k, expected over the true level j
        answer = the k of least expected cost

    Power 0 charges every error alike, so the answer is the largest probability; power 1 gives the median level, power
    2 the rounded mean. What ``apply`` returns are scores whose largest is the answer: ``(logits + shift) /
    temperature`` for power 0, ``-cost / sharpness`` else.

    Args:
        shift: what is added to the logits of each class, in logit units, in label order, ``(num_classes,)``.
        temperature: divides the shifted logits, above 0. With power 0 it changes the probabilities, never the level.
        kind: where the decision comes from: "raw", "consistent", "prior_corrected", "optimal for qwk", "tuned", or a
            name of your own.
        tau: how often the log prior was taken off, where that is what the shift does.
        power: of the distance between answer and truth, 0 or more.
        sharpness: divides the costs, so that the softmax of the scores is calibrated; above 0, of no effect on the
            level or with power 0.

    Raises:
        ValueError: a shift that is not finite, fewer than two classes, or a number out of its range.

    Reference:
        Berger: Statistical Decision Theory and Bayesian Analysis. 2nd edition, Springer 1985, section 4.4 (the action
        of least posterior expected loss; median and mean for absolute and squared loss).

    Examples:
        >>> logits = np.log([[0.4, 0.25, 0.35]])
        >>> [int(Decision((0, 0, 0), power=power).apply(logits).argmax()) for power in (0, 1, 2)]
        [0, 1, 1]
    """

    shift: tuple[float, ...]
    temperature: float = 1.0
    kind: str = "custom"
    tau: float | None = None
    power: float = 0.0
    sharpness: float = 1.0

    def __post_init__(self) -> None:
        # Plain numbers, whatever array or scalar type they came in: they go into config.json.
        object.__setattr__(self, "shift", tuple(float(value) for value in self.shift))
        if len(self.shift) < 2 or not all(map(math.isfinite, self.shift)):
            raise ValueError(
                f"shift={self.shift} cannot be used: give a finite number for each of two classes or more."
            )
        for name, lowest in (
            ("temperature", "above 0; 1 is none"),
            ("power", "of 0 or more"),
            ("sharpness", "above 0"),
        ):
            value = float(getattr(self, name))
            object.__setattr__(self, name, value)
            if not (math.isfinite(value) and (value > 0 or (name == "power" and value == 0))):
                raise ValueError(f"{name}={value} cannot be used: give a finite number {lowest}.")

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
        scores = (logits + self.shift) / self.temperature
        if self.power == 0:
            return scores
        return -(softmax(scores, axis=-1) @ cost_matrix(len(self.shift), self.power)) / self.sharpness

    def to_dict(self) -> dict[str, Any]:
        """The decision in plain types, as ``config.decision`` holds it; what has no effect is left out."""
        unused = {"tau"} if self.tau is None else set()
        unused |= set() if self.power else {"power", "sharpness"}
        return {name: value for name, value in (asdict(self) | {"shift": [*self.shift]}).items() if name not in unused}

    @staticmethod
    def in_words(kind: str) -> str:
        """A kind as tables and cards say it.

        Examples:
            >>> Decision.in_words("consistent"), Decision.in_words("prior_corrected")
            ('shift added back', 'prior corrected')
        """
        return "shift added back" if kind == "consistent" else kind.replace("_", " ")

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Decision:
        """The decision that ``to_dict`` wrote."""
        return cls(**given)


def cost_matrix(num_classes: int, power: float) -> np.ndarray:
    """|k - j|^power, 0 on the diagonal whatever the power, ``(num_classes, num_classes)``."""
    distance = np.abs(np.arange(num_classes)[:, None] - np.arange(num_classes)).astype(np.float64)
    return np.where(distance > 0, distance**power, 0.0)
