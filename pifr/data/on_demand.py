"""Pictures decoded as they are asked for: for sets whose pixels have no room on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import ArrayLike


class DecodedOnDemand:
    """Stands where a pixel store's array would: shape, length, and pictures by number.

    Args:
        load: Number of a picture -> ``(S, S, 3)`` uint8.
        count: Number of pictures.
        size_px: Their side.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, load: Callable[[int], np.ndarray], count: int, size_px: int) -> None:
        self.shape = (count, size_px, size_px, 3)
        self._load, self._process = load, -1

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: ArrayLike | slice) -> np.ndarray:
        """Decode the pictures at ``indices``, several at once: ``(B, S, S, 3)`` uint8, or one for a single number.

        Raises:
            DataError: If one can't be decoded or is not square; file and row are named.
        """
        rows = np.arange(len(self))[indices if isinstance(indices, slice) else np.asarray(indices)]
        if rows.ndim == 0:
            return self._load(int(rows))
        out = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for place, pixels in enumerate(self._threads().map(self._load, rows.tolist())):
            out[place] = pixels
        return out

    def _threads(self) -> ThreadPoolExecutor:
        """Return this process's threads; those of a parent do not live on in a fork."""
        if self._process != os.getpid():
            self._process, self._pool = os.getpid(), ThreadPoolExecutor(thread_name_prefix="decoding")
        return self._pool
