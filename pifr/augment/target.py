"""The yaw histogram to reach, and what a person lacks of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pifr.augment.config import AugmentConfig
from pifr.core.errors import DataError
from pifr.data.head_height import yaw_at_head_height
from pifr.data.manifest import Manifest

USUAL_PER_PERSON = 12
"""Pictures a person of the targets ``like`` and ``imitate``, where none are asked for."""


@dataclass(frozen=True)
class Target:
    """How many pictures of a person each bin of yaw should hold.

    Attributes:
        centres_degrees: ``(K,)`` rising.
        counts: ``(K,)`` whole numbers.
        width_degrees: A picture counts for the nearest centre, if it is no farther than half of this.
    """

    centres_degrees: np.ndarray
    counts: np.ndarray
    width_degrees: float

    def bins_of(self, yaws_degrees: np.ndarray) -> np.ndarray:
        """Return the bin of each yaw ``(N,)``; -1 for those unknown or in none."""
        if not len(yaws_degrees):
            return np.empty(0, dtype=int)
        gaps = np.abs(np.asarray(yaws_degrees, float)[:, None] - self.centres_degrees)
        gaps = np.where(np.isfinite(gaps), gaps, np.inf)
        return np.where(gaps.min(axis=1) <= self.width_degrees / 2 + 1e-9, gaps.argmin(axis=1), -1)

    def missing(self, yaws_degrees: np.ndarray) -> np.ndarray:
        """Return how many pictures each bin lacks ``(K,)``, given those a person has ``(N,)``."""
        bins = self.bins_of(yaws_degrees)
        have = np.bincount(bins[bins >= 0], minlength=len(self.counts))
        return np.maximum(self.counts - have, 0)


def counted_yaws(data: Manifest, config: AugmentConfig) -> np.ndarray:
    """Return the yaws ``(N,)`` by which pictures count towards a histogram, NaN for those that count nowhere.

    A view asked for in degrees is one at the height of the head, so a picture by a camera that hangs above does not
    stand for it. To imitate is another thing: such a picture is a pose of its own there, and is turned to as it is.
    """
    return data.yaw_degrees if config.target == "imitate" else yaw_at_head_height(data)


def make_target(config: AugmentConfig, reach: tuple[float, float], reference: Manifest | None) -> Target:
    """Turn the config's target into counts a person.

    Args:
        config: Kind of target, width of a bin, pictures a person.
        reach: Least and greatest yaw of the method; bins whose centre lies outside are left out.
        reference: The manifest of the targets ``like`` and ``imitate``, with known yaws.

    Returns:
        Shares times ``per_person``, rounded along the yaws so that the sum stays.

    Raises:
        DataError: If no picture of the reference has a yaw within reach.
    """
    if config.target == "yaws":
        centres = np.sort(np.array(config.yaws_degrees, dtype=float))
        gap = np.diff(centres).min() if len(centres) > 1 else np.inf
        return Target(centres, np.full(len(centres), config.sources_per_person), min(config.bin_degrees, float(gap)))
    centres = _centres(config.bin_degrees, reach)
    shares = np.full(len(centres), 1 / len(centres))
    total = config.per_person or (len(centres) if config.target == "uniform" else USUAL_PER_PERSON)
    if config.needs_reference:
        assert reference is not None
        target = Target(centres, np.zeros(len(centres), int), config.bin_degrees)
        bins = target.bins_of(counted_yaws(reference, config))
        if not (bins >= 0).any():
            raise DataError(
                f"no picture has a known yaw from {reach[0]:g} to {reach[1]:g} degrees", where=reference.name,
                cure="fill the column in with: pifr data pose",
            )  # fmt: skip
        shares = np.bincount(bins[bins >= 0], minlength=len(centres)) / (bins >= 0).sum()
    return Target(centres, _rounded(shares * total), config.bin_degrees)


def yaws_in_bin(
    target: Target, index: int, count: int, generator: np.random.Generator, reach: tuple[float, float]
) -> list[float]:
    """Return ``count`` yaws of one bin: its centre first, further ones anywhere in it, to 0.1 degrees."""
    centre, half = float(target.centres_degrees[index]), target.width_degrees / 2
    drawn = generator.uniform(max(centre - half, reach[0]), min(centre + half, reach[1]), size=max(count - 1, 0))
    return [centre, *(round(float(yaw), 1) for yaw in drawn)][:count]


def _centres(width: float, reach: tuple[float, float]) -> np.ndarray:
    low, high = (np.ceil(reach[0] / width - 1e-9), np.floor(reach[1] / width + 1e-9))
    return np.arange(low, high + 1) * width


def _rounded(wanted: np.ndarray) -> np.ndarray:
    """Round to whole numbers of the same sum, none off by one or more, spread evenly where all are below one."""
    return np.diff(np.floor(np.cumsum(wanted) + 0.5 - 1e-9), prepend=0).astype(int)
