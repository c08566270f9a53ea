"""Exact one-to-many search by cosine: FAISS where it is installed, a blocked torch top-k with the same answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pifr.core.errors import DataError
from pifr.evaluation.engines import Engine, choose_engine

_BLOCK = 1024
_GALLERY_BLOCK = 65_536


def unit_vectors(vectors: np.ndarray, names: Sequence[str] | None = None, what: str = "embedding") -> np.ndarray:
    """Scale vectors to length 1 and refuse those that have no direction.

    A NaN query makes FAISS return row -1, which indexing turns into the last enrolled person; a zero vector
    scores 0 with everybody. Neither may enter a search.

    Args:
        vectors: ``(N, D)``.
        names: ``(N,)`` what each vector stands for, for the message.
        what: What they are, for the message.

    Returns:
        ``(N, D)`` float32, C-contiguous, unit norm.

    Raises:
        DataError: If a vector is not finite or has length zero; the message names it and counts the others.
    """
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    if vectors.ndim != 2:
        raise DataError(f"{what}s must be a table (N, D)", found=f"shape {vectors.shape}")
    norms = np.linalg.norm(vectors, axis=1)
    for bad, why in ((~np.isfinite(norms), "is not finite"), (norms == 0, "is zero")):
        rows = np.flatnonzero(bad)
        if rows.size:
            others = f" and {rows.size - 1} more" if rows.size > 1 else ""
            name = names[rows[0]] if names is not None else f"row {rows[0]}"
            raise DataError(f"the {what} {why}", where=f"{name}{others}", cure="check the embedder on this picture")
    return vectors / norms[:, None]


class ExactSearch:
    """A gallery searched by inner product of unit vectors, that is by cosine; nothing is approximated.

    Args:
        gallery: ``(G, D)`` embeddings of any length.
        names: ``(G,)`` what each stands for, for messages.
        engine: ``faiss`` (``IndexFlatIP``), ``torch``, or ``auto`` for FAISS where it is installed.

    Raises:
        DataError: If the gallery is empty, or a vector is zero or not finite.
        DependencyError: If FAISS is asked for and not installed.
    """

    def __init__(self, gallery: np.ndarray, names: Sequence[str] | None = None, engine: Engine = "auto") -> None:
        if not len(gallery):
            raise DataError("the gallery is empty", cure="enrol at least one picture")
        self.gallery = unit_vectors(gallery, names, "enrolled embedding")
        from pifr.evaluation.index import IndexConfig  # which reads this module

        self._engine = choose_engine(IndexConfig(), engine, "cpu", self.gallery.shape[1], len(self.gallery))
        self.engine = self._engine.name
        for start in range(0, len(self.gallery), _GALLERY_BLOCK):
            self._engine.add(self.gallery[start : start + _GALLERY_BLOCK])
        self._engine.finish()

    def search(self, probes: np.ndarray, k: int, names: Sequence[str] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the ``k`` most similar enrolled vectors of each probe.

        Args:
            probes: ``(P, D)`` embeddings.
            k: How many; at most the size of the gallery is returned.
            names: ``(P,)`` what each probe stands for, for messages.

        Returns:
            Cosines ``(P, k)`` float32, best first, and their rows in the gallery ``(P, k)`` int64.

        Raises:
            DataError: If a probe is zero or not finite, or has another width than the gallery.
        """
        probes = unit_vectors(probes, names, "probe embedding")
        if probes.shape[1] != self.gallery.shape[1]:
            raise DataError(
                f"probes and gallery have different widths: {self.gallery.shape[1]} are enrolled",
                found=probes.shape[1], cure="embed both with the same recogniser",
            )  # fmt: skip
        k = min(k, len(self.gallery))
        return self._engine.search(probes, k)

    def scores(self, probes: np.ndarray, names: Sequence[str] | None = None) -> np.ndarray:
        """Return the cosine of every probe with every enrolled vector, ``(P, G)`` float32."""
        matrix = np.empty((len(probes), len(self.gallery)), dtype=np.float32)
        for start in range(0, len(probes), _BLOCK):
            block = slice(start, start + _BLOCK)
            found, rows = self.search(probes[block], len(self.gallery), None if names is None else names[block])
            np.put_along_axis(matrix[block], rows, found, axis=1)
        return matrix
