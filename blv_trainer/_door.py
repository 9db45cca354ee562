"""The door of a room whose files are heavy: a name is imported when it is first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def opened_on_demand(room: str, names_of: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room's ``__init__``: ``names_of`` says which names stand in which of its files.

    A name that is its own file is that file.
    """
    home = {name: file for file, names in names_of.items() for name in names}

    def getattr_of_room(name: str) -> Any:
        if name in home:
            file = importlib.import_module(f"{room}.{home[name]}")
            return file if home[name] == name else getattr(file, name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return getattr_of_room
