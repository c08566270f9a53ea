"""From degrees to pose codes, learned from the pictures whose yaw is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.core.errors import DataError

_LEAST_PITCH_RANGE_DEGREES = 10.0
"""Pictures that differ less in pitch say nothing of how codes depend on it."""
_WINDOW_DEGREES = 10.0
"""Pictures within this of a yaw take part in its fit."""
_BIN_DEGREES = 4.0
"""Yaws that round to one multiple of this are learned as one."""


@dataclass(frozen=True)
class PoseMap:
    """The mean pose code at some yaws and level gaze, and how it changes with pitch; linear between the yaws.

    Attributes:
        yaws_degrees: ``(K,)`` rising.
        codes: ``(K, P)`` float32, at pitch 0 where pitch was known, at the usual pitch otherwise.
        pitch_slopes: ``(K, P)`` float32, change a degree of pitch; None where no pitch was known.
        pitch_range_degrees: Least and greatest pitch learned from.
    """

    yaws_degrees: np.ndarray
    codes: np.ndarray
    pitch_slopes: np.ndarray | None = None
    pitch_range_degrees: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def learn(
        cls, codes: np.ndarray, yaws_degrees: np.ndarray, pitches_degrees: np.ndarray | None = None,
        bin_degrees: float = _BIN_DEGREES,
    ) -> PoseMap | None:  # fmt: skip
        """Average codes over people, yaw by yaw.

        A mean over many people keeps what they share at one yaw, the pose, and loses what they do not: framing,
        expression, whatever of the face leaked into the code. Where pictures around a yaw differ in pitch, a plane is
        fitted through them; other yaws take the slopes of their neighbours. Where the pitch is known of some pictures
        of a bin, only those count for it; a bin without any is learned at the usual pitch. Where the pitch varies too
        little everywhere, no code can be made level, and all pictures count.

        Args:
            codes: ``(N, P)`` pose codes.
            yaws_degrees: ``(N,)``; NaN where unknown.
            pitches_degrees: ``(N,)``; NaN where unknown. None: known nowhere.
            bin_degrees: Width of a bin; a bin's yaw is the mean yaw of its pictures.

        Returns:
            The map, or None if fewer than two different yaws are known.
        """
        pitches = np.full(len(codes), np.nan) if pitches_degrees is None else np.asarray(pitches_degrees, float)
        bins = np.round(np.asarray(yaws_degrees) / bin_degrees)
        known = np.isfinite(yaws_degrees)
        with_pitch = known & np.isfinite(pitches)
        # Beside pictures of known pitch the others' would go into the level codes.
        used = with_pitch | (known & ~np.isin(bins, bins[with_pitch]))
        if len(np.unique(bins[known])) < 2:
            return None
        centres, means, usual = _means(bins[used], yaws_degrees[used], codes[used], pitches[used])
        levelled = np.where(np.isfinite(usual), centres, np.nan)
        fits = _local_fits(codes[used], yaws_degrees[used], pitches[used], levelled)
        if not fits:  # nothing is made level, so no picture disturbs
            centres, means = _means(bins[known], yaws_degrees[known], codes[known])
            return cls(centres, means.astype(np.float32))
        slopes = _between(centres, centres[list(fits)], np.stack([slope for _, slope in fits.values()]))
        level = means - slopes * np.nan_to_num(usual)[:, None]
        for index, (fitted, _) in fits.items():
            level[index] = fitted
        limits = (float(np.nanmin(pitches[used])), float(np.nanmax(pitches[used])))
        return cls(centres, level.astype(np.float32), slopes.astype(np.float32), limits)

    def codes_for(
        self, yaws_degrees: Sequence[float] | np.ndarray, pitches_degrees: float | Sequence[float] | np.ndarray = 0.0
    ) -> np.ndarray:
        """Return codes ``(M, P)`` for yaws ``(M,)`` and pitches, one or ``(M,)``; 0 is level, positive looks up.

        Raises:
            DataError: If a yaw or a pitch lies outside what was learned.
        """
        yaws = np.atleast_1d(np.asarray(yaws_degrees, dtype=float))
        pitches = np.broadcast_to(np.asarray(pitches_degrees, dtype=float), yaws.shape)
        _require_within(yaws, self.range_degrees, "faces")
        codes = _between(yaws, self.yaws_degrees, self.codes)
        if not pitches.any():
            return codes.astype(np.float32)
        _require_within(pitches, self.pitch_range_degrees, "gazes up and down")
        assert self.pitch_slopes is not None  # else the range is 0 to 0
        return (codes + pitches[:, None] * _between(yaws, self.yaws_degrees, self.pitch_slopes)).astype(np.float32)

    def yaws_for(self, codes: np.ndarray) -> np.ndarray:
        """Return the yaw ``(N,)`` whose code at level gaze lies nearest to each of ``(N, P)``, in degrees.

        The other way round than :meth:`codes_for`, by projection on the straight pieces between the yaws. Nothing is
        told beyond the range learned: a code of farther round comes out as its end.
        """
        starts, steps = self.codes[:-1].astype(float), np.diff(self.codes.astype(float), axis=0)
        offsets = codes[:, None].astype(float) - starts
        lengths = np.maximum((steps**2).sum(axis=1), np.finfo(float).tiny)
        along = np.clip((offsets * steps).sum(axis=2) / lengths, 0.0, 1.0)
        squared_distances = ((offsets - along[..., None] * steps) ** 2).sum(axis=2)
        nearest = squared_distances.argmin(axis=1)
        share = along[np.arange(len(codes)), nearest]
        return self.yaws_degrees[nearest] + share * np.diff(self.yaws_degrees)[nearest]

    @property
    def range_degrees(self) -> tuple[float, float]:
        """Least and greatest yaw."""
        return float(self.yaws_degrees[0]), float(self.yaws_degrees[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "yaws_degrees": self.yaws_degrees.tolist(),
            "codes": self.codes.tolist(),
            "pitch_slopes": None if self.pitch_slopes is None else self.pitch_slopes.tolist(),
            "pitch_range_degrees": list(self.pitch_range_degrees),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PoseMap:
        """Undo :meth:`to_dict`; every bit of a float32 survives. Maps of before there was pitch have none."""
        slopes = values.get("pitch_slopes")
        low, high = values.get("pitch_range_degrees", (0.0, 0.0))
        return cls(
            np.array(values["yaws_degrees"]), np.array(values["codes"], dtype=np.float32),
            None if slopes is None else np.array(slopes, dtype=np.float32), (float(low), float(high)),
        )  # fmt: skip


def teaches_degrees(yaws_degrees: np.ndarray) -> bool:
    """Tell whether :meth:`PoseMap.learn` makes a map of pictures of these yaws ``(N,)``, NaN where unknown."""
    known = yaws_degrees[np.isfinite(yaws_degrees)]
    return len(np.unique(np.round(known / _BIN_DEGREES))) > 1


def _means(bins: np.ndarray, *values: np.ndarray) -> list[np.ndarray]:
    """Average each of ``values`` ``(N, ...)`` bin by bin, in rising order of the bins; NaN where one is unknown."""
    rows = [np.flatnonzero(bins == number) for number in np.unique(bins)]
    return [np.stack([each[some].mean(axis=0) for some in rows]) for each in values]


def _local_fits(
    codes: np.ndarray, yaws: np.ndarray, pitches: np.ndarray, centres: np.ndarray
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Fit codes around each yaw by a plane over yaw and pitch, where the pitch varies enough.

    Pictures of unknown pitch and centres that are NaN are left out.

    Returns:
        By the number of the yaw: code at that yaw and level gaze ``(P,)``, and its change a degree of pitch ``(P,)``.
    """
    fits = {}
    for index, centre in enumerate(centres):
        near = (np.abs(yaws - centre) <= _WINDOW_DEGREES) & np.isfinite(pitches)
        if near.any() and np.ptp(pitches[near]) >= _LEAST_PITCH_RANGE_DEGREES:
            plane = np.stack([np.ones(near.sum()), yaws[near] - centre, pitches[near]], axis=1)
            solution = np.linalg.lstsq(plane, codes[near], rcond=None)[0]
            fits[index] = (solution[0], solution[2])
    return fits


def _between(at: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate rows ``(K, P)`` known at ``knots``: ``(M, P)``; constant beyond the outermost."""
    return np.stack([np.interp(at, knots, column) for column in values.T], axis=1)


def _require_within(angles: np.ndarray, limits: tuple[float, float], what: str) -> None:
    low, high = limits
    slack = 0.5
    wild = angles[~((angles >= low - slack) & (angles <= high + slack))]
    if len(wild):
        raise DataError(
            f"this generator turns {what} by {low:g} to {high:g} degrees", found=f"a request for {wild[0]:g}",
            cure="ask for angles within that range",
        )  # fmt: skip
