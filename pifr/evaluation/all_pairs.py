"""Every picture against every other, in fixed memory: what a score table can't hold.

A hundred thousand pictures are five thousand million comparisons. Blocks of them are scored and handed to
:class:`pifr.metrics.streaming.StreamingScores`, which keeps the exact tail that low false match rates need and counts
the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.core.progress import progress_bar
from pifr.evaluation.retrieval import unit_vectors
from pifr.metrics.streaming import StreamingScores

_BLOCK = 2048


def verification_of_all(
    vectors: np.ndarray, subjects: Sequence[Any] | np.ndarray, tail: int = 1_000_000, block: int = _BLOCK
) -> StreamingScores:
    """Compare every picture once with every other.

    Args:
        vectors: ``(N, D)`` embeddings of any length.
        subjects: ``(N,)`` whom each shows.
        tail: See :class:`pifr.metrics.streaming.StreamingScores`.
        block: Pictures a side of a block of scores.

    Returns:
        The N (N - 1) / 2 comparisons; ask it for ``tar_at_far(1e-6)``, ``equal_error_rate()``, ``error_rates()``.

    Raises:
        DataError: If a vector is zero or not finite, or there are not as many subjects as vectors.
    """
    units = unit_vectors(vectors)
    people = np.unique(np.asarray(subjects), return_inverse=True)[1]
    if len(people) != len(units):
        raise DataError("as many subjects as vectors are needed", found=f"{len(people)} and {len(units)}")
    found = StreamingScores(tail)
    starts = range(0, len(units), block)
    with progress_bar("comparing all with all", len(starts)) as advance:
        for start in starts:
            rows = slice(start, start + block)
            for other in range(start, len(units), block):
                columns = slice(other, other + block)
                scores = units[rows] @ units[columns].T
                mated = people[rows, None] == people[None, columns]
                # On the diagonal a picture meets itself, and every pair twice.
                once = np.triu(np.ones_like(mated), 1) if other == start else np.ones_like(mated)
                found.add(scores[once], mated[once])
            advance()
    return found
