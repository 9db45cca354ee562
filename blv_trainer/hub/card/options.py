"""What a person says of a model beyond what stands in its folder; names on the Hub told from paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

NUM_RESAMPLES = 10_000
_HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)


@dataclass(frozen=True)
class CardOptions:
    """The arguments of ``card.write_card``, checked; names on the Hub are lists."""

    repo_id: str | None = None
    language: str | list[str] | None = "en"
    license: str | None = "apache-2.0"
    base_model: Sequence[str] = ()
    datasets: Sequence[str] = ()
    tags: Sequence[str] = ()
    model_name: str | None = None
    dataset_name: str | None = None
    dataset_args: Any = None
    pipeline_tag: str = "text-classification"
    icnale: bool | None = None
    num_resamples: int = NUM_RESAMPLES


def is_hub_id(name: Any) -> TypeGuard[str]:
    """Whether a name has the form of a repository on the Hub.

    Examples:
        >>> is_hub_id("bert-base-uncased"), is_hub_id("/data/bert"), is_hub_id("user/../name")
        (True, False, False)
    """
    if not isinstance(name, str) or not _HUB_ID.fullmatch(name):
        return False
    return ".." not in name and "--" not in name and not name.endswith((".", "-", ".git"))


def is_here(name: str, folder: Path | None = None) -> bool:
    """Whether a name is that of a file or folder: below the current folder, or below one of those around ``folder``."""
    around = [Path.cwd(), *(folder.resolve().parents if folder else ())]
    return any((root / name).exists() for root in around)


def hub_ids(what: str, given: str | Sequence[str] | None) -> list[str]:
    """The names as a list.

    Raises:
        ValueError: a name that is a path, or has not the form of a name on the Hub.
    """
    names = as_list(given)
    for name in names:
        if not is_hub_id(name) or is_here(name):
            raise ValueError(
                f"{what}={name!r} is no name on the Hub, and a path of this machine tells others nothing: give "
                "'user/name', or leave it out."
            )
    return names


def as_list(given: str | Sequence[str] | None) -> list[str]:
    """One name, several or none, as a list."""
    return [given] if isinstance(given, str) else list(given or ())
