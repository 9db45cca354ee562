"""Names on the Hub told from paths, and whether a card that somebody wrote by hand can be published."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard

import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from blv_trainer.hub.leaks import leaks_of_text
from blv_trainer.hub.published_files import pictures_of

CARD_FILE = "README.md"
_HUB_ID = re.compile(r"[A-Za-z0-9_][\w.-]*(/[A-Za-z0-9_][\w.-]*)?", re.ASCII)


def check_card(folder: str | Path) -> None:
    """Raise an error unless the folder's ``README.md`` is a card that can be published.

    Its metadata can be read and name models and data on the Hub, the pictures that it shows are in the folder, and it
    holds no token and no path of a computer. What else the Hub wants of metadata it says itself when it is pushed.
    """
    path = Path(folder, CARD_FILE)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: write it with blv_trainer.hub.write_card({str(folder)!r}).")
    text = path.read_text(encoding="utf-8-sig")
    if REGEX_YAML_BLOCK.search(text) is None:
        raise ValueError("the card has no metadata: it must begin with a block of YAML between two lines of '---'.")
    try:
        card = ModelCard(text)  # reads model-index, too
    except (ValueError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split(" Pass `")[0].split()).rstrip(".")  # what to pass is for programmers
        raise ValueError(f"the card's metadata cannot be read: {reason}.") from error
    for key in ("base_model", "datasets"):
        for name in as_list(card.data.get(key)):
            if not is_hub_id(name):
                raise ValueError(f"the card's {key} holds {name!r}, which is no name on the Hub: give 'user/name'.")
    for leak in leaks_of_text(text):
        raise ValueError(f"the card holds {leak}: take it out before anyone sees it.")
    for picture in pictures_of(text):
        if "://" not in picture and not path.with_name(picture).is_file():
            raise FileNotFoundError(
                f"{path} shows {picture}, which is not in the folder: put it there, or write the card anew."
            )


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
    """The names as a list; a ValueError for a path, or what has not the form of a name on the Hub."""
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
