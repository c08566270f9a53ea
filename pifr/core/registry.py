"""A registry: named builders, looked up with an error that lists near names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from pifr.core.errors import ConfigError, near_names

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps the names users type to the functions or classes that build them.

    Example:
        >>> shapes: Registry[type] = Registry("shape")
        >>> @shapes.register("square")
        ... class Square: ...
        >>> shapes["square"].__name__
        'Square'
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers its target under ``name``."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is registered twice")

        def add(entry: T) -> T:
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            ConfigError: If there is none.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise ConfigError(f"unknown {self.kind} {name!r}", cure=near_names(name, self._entries)) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
