"""Comparisons that come block by block, so that a protocol of any size fits in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.scoring import Embedded, dot, units_of

BLOCK_ROWS = 1 << 21
MAX_SCORE_ROWS = 10_000_000
"""Comparisons held as a table, about 120 bytes each with their figures (benchmarks/streamed.py); more are streamed."""


@dataclass(frozen=True)
class ScoreBlock:
    """Some comparisons of a protocol.

    Attributes:
        probe: ``(B,)`` int32 row of the probe in the pictures.
        reference: ``(B,)`` int32.
        scores: System name -> ``(B,)`` float32; NaN where a picture failed.
        shape: (probes, references) where these are probes times all references of their part, row by row; else None.
    """

    probe: np.ndarray
    reference: np.ndarray
    scores: dict[str, np.ndarray]
    shape: tuple[int, int] | None = None


class ScoreSource(Protocol):
    """Where blocks come from; every pass gives the same blocks, a person's probes next to each other.

    Attributes:
        outline: The pictures, as a score table without comparisons.
        systems: Names of the systems.
    """

    outline: ScoreTable
    systems: list[str]

    def __len__(self) -> int:
        """Number of the protocol's comparisons."""
        ...

    def blocks(self, systems: list[str]) -> Iterator[ScoreBlock]:
        """Yield the protocol's comparisons with the scores of some systems."""
        ...

    def sample(self) -> ScoreTable:
        """Return the pairs across poses behind the yaw x yaw table."""
        ...

    def digest(self) -> str:
        """Return a digest of what is compared with what; equal ones may be put side by side."""
        ...


class Pairs(Protocol):
    """What is compared with what, as :class:`~pifr.evaluation.comparisons.Comparisons` says it."""

    pictures: pd.DataFrame
    searches: list[tuple[np.ndarray, np.ndarray]]
    pairs: np.ndarray | None

    def __len__(self) -> int:
        """Number of comparisons."""
        ...

    @property
    def sample_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Both rows of each pair of the pose sample."""
        ...


@dataclass
class OneSearch:
    """Probes times references or listed pairs, with nothing else to compare.

    Attributes:
        pictures: Of both sides.
        searches: One (probe rows, reference rows).
        pairs: ``(C, 2)`` rows where pairs are listed instead; else None.
    """

    pictures: pd.DataFrame
    searches: list[tuple[np.ndarray, np.ndarray]]
    pairs: np.ndarray | None = None

    def __len__(self) -> int:
        if self.pairs is not None:
            return len(self.pairs)
        return sum(len(probes) * len(references) for probes, references in self.searches)

    @property
    def sample_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """No pair."""
        return np.zeros(0, np.int32), np.zeros(0, np.int32)


class EmbeddedBlocks:
    """Blocks computed from embeddings, anew in every pass: a matrix product costs less than the memory of its result.

    Args:
        pairs: What is compared with what.
        embedded: System name -> its vectors of the pictures as probes, and as what is enrolled.
        rows: Comparisons a block, at least one probe's.
    """

    def __init__(self, pairs: Pairs, embedded: Mapping[str, tuple[Embedded, Embedded]], rows: int = BLOCK_ROWS) -> None:
        self.pairs, self.rows, self.systems = pairs, rows, list(embedded)
        self.outline = empty_table(pairs.pictures)
        names = pairs.pictures["path"].tolist()
        self._lost = {name: (probe.failed, enrolled.failed) for name, (probe, enrolled) in embedded.items()}
        self._units: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for name, (probe, enrolled) in embedded.items():
            searching = units_of(probe, names)
            self._units[name] = (searching, searching if enrolled is probe else units_of(enrolled, names))

    def __len__(self) -> int:
        return len(self.pairs)

    def blocks(self, systems: list[str]) -> Iterator[ScoreBlock]:
        """Yield the protocol's comparisons; see :class:`ScoreSource`."""
        person = self.outline.person
        if self.pairs.pairs is not None:
            ordered = self.pairs.pairs[np.argsort(person[self.pairs.pairs[:, 0]], kind="stable")]
            for start in range(0, len(ordered), self.rows):
                first, second = ordered[start : start + self.rows].T
                yield ScoreBlock(first, second, {name: self._listed(name, first, second) for name in systems})
            return
        for probes, references in self.pairs.searches:
            ordered = probes[np.argsort(person[probes], kind="stable")]
            step = max(1, self.rows // max(len(references), 1))
            for start in range(0, len(ordered), step):
                yield self._searched(systems, ordered[start : start + step], references)

    def sample(self) -> ScoreTable:
        """Return the pairs across poses behind the yaw x yaw table."""
        first, second = self.pairs.sample_pairs
        scores = {name: self._listed(name, first, second) for name in self.systems}
        return ScoreTable(self.pairs.pictures, first, second, np.zeros(len(first), bool), scores)

    def digest(self) -> str:
        """Return a digest of what is compared with what."""
        found = hashlib.sha256("\n".join(self.pairs.pictures["path"]).encode())
        found.update("\n".join(self.pairs.pictures["subject"].astype(str)).encode())
        arrays = [each for both in self.pairs.searches for each in both] if self.pairs.pairs is None else [
            self.pairs.pairs
        ]  # fmt: skip
        for each in arrays:
            found.update(np.ascontiguousarray(each, np.int64).tobytes())
        return found.hexdigest()

    def _searched(self, systems: list[str], probes: np.ndarray, references: np.ndarray) -> ScoreBlock:
        scores = {}
        for name in systems:
            (searching, enrolled), (lost, missing) = self._units[name], self._lost[name]
            matrix = searching[probes] @ enrolled[references].T
            matrix[lost[probes]] = np.nan
            matrix[:, missing[references]] = np.nan
            scores[name] = matrix.ravel()
        return ScoreBlock(
            np.repeat(probes, len(references)).astype(np.int32), np.tile(references, len(probes)).astype(np.int32),
            scores, (len(probes), len(references)),
        )  # fmt: skip

    def _listed(self, name: str, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        (searching, enrolled), (lost, missing) = self._units[name], self._lost[name]
        found = dot(searching, enrolled, first, second)
        found[lost[first] | missing[second]] = np.nan
        return found


def empty_table(pictures: pd.DataFrame) -> ScoreTable:
    """Return a score table that knows its pictures and compares none."""
    nothing = np.zeros(0, np.int32)
    return ScoreTable(pictures, nothing, nothing, np.zeros(0, bool), {})
