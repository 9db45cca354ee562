"""Methods to compare: a loss with its options, written as one word such as ``blv:sigma=6,scope=element``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from blv_trainer.losses import ImbalanceLoss, build_loss, check_loss

_NAMES = {
    "blv": "BLV",
    "class_balanced": "class-balanced",
    "cross_entropy": "cross-entropy",
    "emd": "EMD",
    "focal": "focal loss",
    "gaussian_clouded": "Gaussian clouded",
    "ldam": "LDAM",
    "regression": "regression to the level",
    "sord": "SORD",
    "weighted_cross_entropy": "weighted cross-entropy",
}

_EXACT = 2**53  # below it, a float that is whole is that whole number
_LONGEST_NAME = 200  # file systems take 255 bytes, and temporary names are longer


@dataclass(frozen=True)
class Method:
    """A loss with options.

    Args:
        loss: a key of ``LOSSES``.
        options: the loss's options; those not given have their defaults.

    Raises:
        TypeError: an option that needs a number and has none.
        ValueError: an unknown loss or option, or a value out of its range.

    Examples:
        >>> Method("blv", {"sigma": 2}).title
        'BLV, sigma 2'
    """

    loss: str
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_loss(self.loss, self.options)

    @property
    def spec(self) -> str:
        """The word that ``parse_method`` reads, with the options in alphabetical order."""
        options = ",".join(f"{name}={_written(value)}" for name, value in sorted(self.options.items()))
        return f"{self.loss}:{options}" if options else self.loss

    @property
    def title(self) -> str:
        """As it stands in tables and figures."""
        name = _NAMES.get(self.loss, self.loss.replace("_", " "))
        return ", ".join([name, *(f"{key} {_written(value)}" for key, value in sorted(self.options.items()))])

    @property
    def folder(self) -> str:
        """A name for a folder, different for different methods."""
        return re.sub(r"[^A-Za-z0-9.=_,+-]", "_", self.spec.replace(":", "_", 1))

    def build(self, class_counts: Sequence[int]) -> ImbalanceLoss:
        """The loss itself."""
        return build_loss(self.loss, class_counts, **self.options)


def parse_method(spec: str) -> Method:
    """Read ``loss`` or ``loss:option=value,option=value``; values are numbers, true, false, null, or words.

    Examples:
        >>> parse_method("blv:sigma=6,scope=element").options
        {'sigma': 6, 'scope': 'element'}
    """
    loss, _, listed = spec.partition(":")
    options = {}
    for word in filter(None, (word.strip() for word in listed.split(","))):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (name and equals and value):
            raise ValueError(f"method {spec!r}: {word!r} is no option=value; write it as in blv:sigma=6,scope=element.")
        if name in options:
            raise ValueError(f"method {spec!r} gives {name!r} twice.")
        options[name] = _value(value)
    try:
        method = Method(loss.strip(), options)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"method {spec!r}: {error}") from error
    if len(method.folder) > _LONGEST_NAME:
        raise ValueError(f"method {spec!r}: its options are too long for the name of a folder; round the numbers.")
    return method


def parse_methods(specs: Iterable[str]) -> list[Method]:
    """Read several methods.

    Args:
        specs: each ``loss`` or ``loss:option=value,option=value``; values are numbers, true, false, null, or words.

    Returns:
        The methods, in their order.

    Raises:
        ValueError: an unknown loss or option, an option without a value or given twice, a value out of its range; no
            method, or one that stands there twice.
    """
    methods = [parse_method(spec) for spec in specs]
    if not methods:
        raise ValueError("there is no method to compare: give one or more, such as cross_entropy blv:sigma=6.")
    for k, method in enumerate(methods):
        if method in methods[:k]:
            raise ValueError(f"method {method.spec!r} is given twice: name each method once.")
    return methods


def _value(text: str) -> Any:
    try:
        value = json.loads(text.lower() if text.lower() in ("true", "false", "null", "none") else text)
    except (ValueError, RecursionError):
        return None if text.lower() == "none" else text
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _EXACT
    return int(value) if is_whole else value  # 6.0 and 6 are one method


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
