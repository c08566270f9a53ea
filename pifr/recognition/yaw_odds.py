"""From which yaws a view is drawn: a distribution in bins, and of each source the bins that were accepted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pifr.recognition.sections import OnTheFlyConfig


@dataclass(frozen=True)
class YawOdds:
    """From which yaws a view of each source is drawn.

    Attributes:
        edges: ``(V + 1,)`` rising, in degrees.
        odds: ``(N, V)``, not normalised; zero in a bin that was not accepted, and never zero in all bins.
    """

    edges: np.ndarray
    odds: np.ndarray

    def draw(self, sources: np.ndarray, rng: np.random.Generator, largest_degrees: float = math.inf) -> np.ndarray:
        """Draw a yaw for each of ``sources`` ``(B,)``: ``(B,)`` degrees, none beyond ``largest_degrees``.

        Where nothing so mild was accepted, the accepted bin nearest to the front is taken.
        """
        low, high = np.maximum(self.edges[:-1], -largest_degrees), np.minimum(self.edges[1:], largest_degrees)
        share = np.clip(high - low, 0, None) / np.diff(self.edges)
        odds = self.odds[sources] * share
        stuck = odds.sum(1) == 0
        if stuck.any():
            centres = np.abs(self.edges[:-1] + self.edges[1:]) / 2
            mildest = np.where(self.odds[sources[stuck]] > 0, centres, np.inf).argmin(1)
            odds[stuck] = np.eye(len(centres))[mildest]
        rising = odds.cumsum(1)
        rising /= rising[:, -1:]
        chosen = (rng.random(len(sources))[:, None] >= rising).sum(1)
        first = np.where(stuck, self.edges[:-1][chosen], low[chosen])
        last = np.where(stuck, self.edges[1:][chosen], high[chosen])
        return first + rng.random(len(sources)) * (last - first)


def bin_odds(edges: np.ndarray, config: OnTheFlyConfig) -> np.ndarray:
    """Return the share of each bin ``(V,)`` between ``edges`` ``(V + 1,)`` in the configured distribution."""
    if config.yaws == "uniform":
        return np.diff(edges) / (edges[-1] - edges[0])
    below = np.array([0.5 * (1 + math.erf(edge / (config.std_degrees * math.sqrt(2)))) for edge in edges])
    return np.diff(below) / (below[-1] - below[0])
