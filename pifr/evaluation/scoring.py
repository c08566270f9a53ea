"""From vectors to the scores of all comparisons of a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pifr.core.errors import DataError
from pifr.evaluation.engines import Engine
from pifr.evaluation.retrieval import ExactSearch, unit_vectors

if TYPE_CHECKING:
    from pifr.evaluation.comparisons import Comparisons

_DENSE = 4
CONSTANT_WITHIN = 1e-5
"""Scores that differ by less say nothing: rounding alone makes cosines differ by 1e-6."""
_DOT_ROWS = 512
_DOT_NUMBERS = 1 << 24


@dataclass(frozen=True)
class Embedded:
    """What an embedder made of the pictures that take part.

    Attributes:
        vectors: ``(N, D)`` float32.
        failed: ``(N,)`` bool.
    """

    vectors: np.ndarray
    failed: np.ndarray


def score_comparisons(
    pairs: Comparisons, probe_side: Embedded, enrolled_side: Embedded, engine: Engine = "auto"
) -> np.ndarray:
    """Return the cosine of every comparison ``(C,)`` float32, NaN where a picture failed.

    Args:
        pairs: What is compared with what.
        probe_side: Vectors of the pictures as probes.
        enrolled_side: Vectors of the same pictures as what is enrolled; the same object where nothing differs.
        engine: Search engine, see :class:`~pifr.evaluation.retrieval.ExactSearch`.
    """
    names = pairs.pictures["path"].tolist()
    searching = units_of(probe_side, names)
    enrolled = searching if enrolled_side is probe_side else units_of(enrolled_side, names)
    lost, missing = probe_side.failed, enrolled_side.failed
    blocks = []
    for probes, references in pairs.searches:
        matrix = np.full((len(probes), len(references)), np.nan, np.float32)
        good_probes, good_references = ~lost[probes], ~missing[references]
        if good_probes.any() and good_references.any():
            search = ExactSearch(enrolled[references[good_references]], engine=engine)
            matrix[np.ix_(good_probes, good_references)] = search.scores(searching[probes[good_probes]])
        blocks.append(matrix.ravel())
    rest = slice(sum(len(block) for block in blocks), None)
    first, second = pairs.probe[rest], pairs.reference[rest]
    blocks.append(np.where(lost[first] | missing[second], np.nan, dot(searching, enrolled, first, second)))
    return np.concatenate(blocks)


def refuse_constant(lowest: float, highest: float, where: str = "") -> None:
    """Refuse scores that are all the same, whoever is compared with whom.

    Raises:
        DataError: If the highest exceeds the lowest by less than :data:`CONSTANT_WITHIN`.
    """
    if highest - lowest < CONSTANT_WITHIN:
        raise DataError(
            "every comparison got the same score, so nobody can be told apart", where=where or None,
            found=f"{lowest:.6f}", cure="check that the embedder's weights are loaded",
        )  # fmt: skip


def units_of(embedded: Embedded, names: list[str]) -> np.ndarray:
    """Return unit vectors ``(N, D)``, zero where failed."""
    vectors, failed = embedded.vectors, embedded.failed
    units = np.zeros_like(vectors)
    units[~failed] = unit_vectors(vectors[~failed], [n for n, bad in zip(names, failed, strict=True) if not bad])
    return units


def dot(searching: np.ndarray, enrolled: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of every listed pair ``(C,)``, in blocks bounded by bytes whatever the width of a vector."""
    scores = np.empty(len(first), np.float32)
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    if len(rows) * len(columns) <= _DENSE * len(first):  # nearly all with all: one matrix product reads vectors once
        order = np.argsort(row, kind="stable")
        for start in range(0, len(rows), _DOT_ROWS):
            here = order[slice(*np.searchsorted(row[order], [start, start + _DOT_ROWS]))]
            matrix = searching[rows[start : start + _DOT_ROWS]] @ enrolled[columns].T
            scores[here] = matrix[row[here] - start, column[here]]
        return scores
    count = max(1, _DOT_NUMBERS // searching.shape[1])
    for start in range(0, len(first), count):
        block = slice(start, start + count)
        scores[block] = np.einsum("nd,nd->n", searching[first[block]], enrolled[second[block]])
    return scores
