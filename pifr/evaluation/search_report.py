"""What an approximate index gives up and gains: recall against exact search, and time, in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import DataError
from pifr.core.files import write_json
from pifr.evaluation.index import SearchIndex


@dataclass(frozen=True)
class SearchFigures:
    """Recall and time of one index.

    Attributes:
        kind: ``flat``, ``flat16``, ``hnsw`` or ``ivfpq``.
        engine: ``faiss`` or ``torch``.
        enrolled: Vectors in the gallery.
        probes: Searches made.
        k: Vectors asked for in each.
        recall: Share of the exact ``k`` best that were found.
        recall_first: Share of probes whose exact best vector is among the ``k`` found.
        same_first: Share of probes with the exact best vector in the first place.
        milliseconds_per_probe: Time of one search within the batch.
        build_seconds: Time to train and fill the index.
        bytes: Size of the index.
    """

    kind: str
    engine: str
    enrolled: int
    probes: int
    k: int
    recall: float
    recall_first: float
    same_first: float
    milliseconds_per_probe: float
    build_seconds: float
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; shares in percent."""
        return {
            "kind": self.kind, "engine": self.engine, "enrolled": self.enrolled, "probes": self.probes, "k": self.k,
            "recall_percent": round(100 * self.recall, 4), "recall_first_percent": round(100 * self.recall_first, 4),
            "same_first_percent": round(100 * self.same_first, 4),
            "milliseconds_per_probe": self.milliseconds_per_probe, "build_seconds": self.build_seconds,
            "bytes": self.bytes,
        }  # fmt: skip


@dataclass(frozen=True)
class SearchReport:
    """Several indexes of one gallery, searched with the same probes.

    Attributes:
        figures: One entry an index.
    """

    figures: list[SearchFigures]

    def table(self) -> pd.DataFrame:
        """Return one row an index, in the order measured."""
        rows = []
        for each in self.figures:
            rows.append({
                "index": f"{each.kind} ({each.engine})", "enrolled": f"{each.enrolled:,}",
                f"recall@{each.k} %": f"{100 * each.recall:.2f}", "first found %": f"{100 * each.recall_first:.2f}",
                "same first %": f"{100 * each.same_first:.2f}", "ms a probe": f"{each.milliseconds_per_probe:.3f}",
                "build s": f"{each.build_seconds:.1f}", "MiB": f"{each.bytes / 2**20:.1f}",
            })  # fmt: skip
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"indexes": [each.to_dict() for each in self.figures]}

    def save(self, path: Path) -> Path:
        """Write :meth:`to_dict` as JSON."""
        write_json(Path(path), self.to_dict())
        return Path(path)


def measure_search(exact: SearchIndex, others: Sequence[SearchIndex], probes: np.ndarray, k: int = 10) -> SearchReport:
    """Search with every index and compare what it finds with exact search.

    Args:
        exact: A ``flat`` index; it comes first in the report.
        others: Further indexes of the same gallery, in the same order.
        probes: ``(P, D)`` embeddings.
        k: How many are wanted.

    Raises:
        DataError: If the first is not exact, there is no probe, or the galleries differ.
    """
    if exact.config.kind != "flat":
        raise DataError("recall is measured against a flat index", found=exact.config.kind)
    if not len(probes):
        raise DataError("there is no probe to search with")
    for other in others:
        if other.names != exact.names:
            raise DataError("the indexes hold different galleries", found=f"{len(exact):,} and {len(other):,} vectors")
    truth, figures = None, []
    for index in (exact, *others):
        start = time.perf_counter()
        _, rows = index.search(probes, k)
        seconds = time.perf_counter() - start
        truth = rows if truth is None else truth
        figures.append(_figures(index, rows, truth, seconds))
    return SearchReport(figures)


def _figures(index: SearchIndex, rows: np.ndarray, truth: np.ndarray, seconds: float) -> SearchFigures:
    shared = [len(np.intersect1d(one[one >= 0], other)) for one, other in zip(rows, truth, strict=True)]
    return SearchFigures(
        index.config.kind, index.engine.name, len(index), probes=rows.shape[0], k=rows.shape[1],
        recall=float(np.mean(shared)) / truth.shape[1], recall_first=float((rows == truth[:, :1]).any(axis=1).mean()),
        same_first=float((rows[:, 0] == truth[:, 0]).mean()), milliseconds_per_probe=1000 * seconds / len(rows),
        build_seconds=index.record.seconds, bytes=index.record.bytes,
    )  # fmt: skip
