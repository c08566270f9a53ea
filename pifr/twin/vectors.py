"""Small vector algebra over rows.

Sums over three components are written out: they are faster than a reduction and add in the same order everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


def dot(a: Float32, b: Float32) -> Float32:
    """Return the inner products `(N,)` of rows `(N, 3)` with rows `(N, 3)` or with one vector `(3,)`."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]


def unit(a: Float32) -> Float32:
    """Return rows `(N, 3)` at length 1; a zero row stays zero."""
    length: Float32 = np.maximum(np.sqrt(dot(a, a)), np.float32(1e-12))
    return a / length[..., None]


def rows_of(a: Float32, rows: npt.NDArray[np.integer]) -> Float32:
    """Return `a[rows]` for an array `(N, ...)`; for short rows `take` is up to forty times as fast as indexing."""
    return a.take(rows, axis=0)
