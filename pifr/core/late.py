"""Public names of a room that are imported when they are first used, so that importing the room stays cheap."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def late_names(room: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's ``__getattr__`` (PEP 562).

    Args:
        room: The package's ``__name__``.
        homes: Public name -> the module that defines it.

    Returns:
        A function that imports a name from its home, and raises AttributeError for any other.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return find
