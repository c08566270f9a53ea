"""The comparisons that went most wrong, of a table or kept while scores stream past."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pifr.evaluation.blocks import ScoreBlock
from pifr.evaluation.scores import ScoreTable

_CANDIDATES = 5000
"""Enough of a block to find a handful of different pairs of people."""
_PAIRS = 6


def worst_of(table: ScoreTable, system: str) -> ScoreTable:
    """Return the protocol's comparisons that went most wrong, see :meth:`WorstPairs.table`."""
    found, scores = WorstPairs(table.person), table.scores[system]
    known = table.search & ~np.isnan(scores)
    found.add(ScoreBlock(table.probe, table.reference, {system: scores}), scores, table.mated, known)
    return found.table(table.pictures, system)


class WorstPairs:
    """The highest scores of two people and the lowest of one, each pair of people once.

    Args:
        person: ``(N,)`` person of each picture.
    """

    def __init__(self, person: np.ndarray) -> None:
        self._person = person
        self._kept = {same: np.zeros((0, 3)) for same in (False, True)}

    def add(self, block: ScoreBlock, scores: np.ndarray, mated: np.ndarray, known: np.ndarray) -> None:
        """Look at the comparisons of a block where ``known`` ``(B,)`` is true."""
        for same in (False, True):
            rows = np.flatnonzero(known & (mated == same))
            if not len(rows):
                continue
            key = scores[rows] if same else -scores[rows]
            count = min(len(rows), _CANDIDATES)
            near = rows[np.argpartition(key, count - 1)[:count]]
            found = np.stack([block.probe[near], block.reference[near], scores[near]], axis=1).astype(float)
            self._kept[same] = self._first_of_each(np.concatenate([self._kept[same], found]), same)

    def table(self, pictures: pd.DataFrame, system: str) -> ScoreTable:
        """Return them as a small score table of one system: two people, highest first, then one, lowest first."""
        rows = np.concatenate([self._kept[False], self._kept[True]])
        sides = rows[:, :2].astype(np.int64)
        used, place = np.unique(sides, return_inverse=True)
        place = place.reshape(sides.shape).astype(np.int32)
        shown = pictures.iloc[used].reset_index(drop=True)
        return ScoreTable(
            shown, place[:, 0], place[:, 1], np.ones(len(rows), bool), {system: rows[:, 2].astype(np.float32)}
        )

    def _first_of_each(self, rows: np.ndarray, same: bool) -> np.ndarray:
        rows = rows[np.argsort(rows[:, 2] if same else -rows[:, 2], kind="stable")]
        people = np.sort(self._person[rows[:, :2].astype(np.int64)], axis=1)
        _, first = np.unique(people, axis=0, return_index=True)
        return rows[np.sort(first)[:_PAIRS]]
