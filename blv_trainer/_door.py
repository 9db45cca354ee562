"""The door of a room whose files are heavy: a name is imported when it is first asked for (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def opened_on_demand(room: str, home: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a room's ``__init__``: ``home`` says in which of its files each name stands.

    A name that is its own home is that file.
    """

    def getattr_of_room(name: str) -> Any:
        if name in home:
            file = importlib.import_module(f"{room}.{home[name]}")
            return file if home[name] == name else getattr(file, name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return getattr_of_room
