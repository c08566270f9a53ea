"""How fast a training runs, and how much of it is waiting for pictures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Meter:
    """Counts pictures and the time spent waiting for them, from the first batch on."""

    def __init__(self) -> None:
        self.pictures = 0
        self.waiting_seconds = 0.0
        self._began = time.perf_counter()

    def waited_for(self, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items`` and count the time until each is there."""
        iterator = iter(items)
        while True:
            asked = time.perf_counter()
            try:
                item = next(iterator)
            except StopIteration:
                return
            self.waiting_seconds += time.perf_counter() - asked
            yield item

    def record(self) -> dict[str, float]:
        """Return pictures a second and the share of the time spent waiting for pictures."""
        seconds = time.perf_counter() - self._began
        return {
            "pictures_per_second": round(self.pictures / seconds, 1),
            "loading_share": round(self.waiting_seconds / seconds, 4),
        }
