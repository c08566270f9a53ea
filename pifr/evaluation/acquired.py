"""Failures to acquire, told by comparisons alone: from a table of all of them or block by block."""

from __future__ import annotations

import numpy as np


class Acquired:
    """Which probes gave an embedding that could be compared, told by their comparisons.

    A probe counts as lost if none of its mated comparisons got a score; one that is compared with other people alone,
    such as a stranger to a gallery, if none at all did.

    Args:
        count: Pictures that may be probes.
    """

    def __init__(self, count: int) -> None:
        self._has_mate, self._met_mate, self._met_anybody = np.zeros((3, count), bool)

    def add(self, probe: np.ndarray, mated: np.ndarray, failed: np.ndarray) -> None:
        """Take comparisons: rows of their probes, whether they are mated, and whether they got no score, ``(C,)``."""
        self._has_mate[probe[mated]] = True
        self._met_mate[probe[mated & ~failed]] = True
        self._met_anybody[probe[~failed]] = True

    @property
    def lost(self) -> np.ndarray:
        """The lost ones ``(count,)``; says nothing of pictures that are no probes."""
        return np.where(self._has_mate, ~self._met_mate, ~self._met_anybody)
