"""From degrees to pose codes, learned from the pictures whose yaw is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.core.errors import DataError


@dataclass(frozen=True)
class PoseMap:
    """The mean pose code at some yaws; linear between them.

    Attributes:
        yaws_degrees: ``(K,)`` rising.
        codes: ``(K, P)`` float32.
    """

    yaws_degrees: np.ndarray
    codes: np.ndarray

    @classmethod
    def learn(cls, codes: np.ndarray, yaws_degrees: np.ndarray, bin_degrees: float = 4.0) -> PoseMap | None:
        """Average codes over people, yaw by yaw.

        A mean over many people keeps what they share at one yaw, the pose, and loses what they do not: framing,
        expression, whatever of the face leaked into the code.

        Args:
            codes: ``(N, P)`` pose codes.
            yaws_degrees: ``(N,)``; NaN where unknown.
            bin_degrees: Width of a bin; a bin's yaw is the mean yaw of its pictures.

        Returns:
            The map, or None if fewer than two different yaws are known.
        """
        known = np.isfinite(yaws_degrees)
        codes, yaws = codes[known], yaws_degrees[known]
        bins = np.round(yaws / bin_degrees)
        distinct = np.unique(bins)
        if len(distinct) < 2:
            return None
        centres = np.array([yaws[bins == number].mean() for number in distinct])
        means = np.stack([codes[bins == number].mean(axis=0) for number in distinct])
        return cls(centres, means.astype(np.float32))

    def codes_for(self, yaws_degrees: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return codes ``(M, P)`` for yaws ``(M,)``.

        Raises:
            DataError: If a yaw lies outside what was learned.
        """
        yaws = np.atleast_1d(np.asarray(yaws_degrees, dtype=float))
        low, high = self.range_degrees
        slack = 0.5
        wild = yaws[~((yaws >= low - slack) & (yaws <= high + slack))]
        if len(wild):
            raise DataError(
                f"this generator turns faces by {low:g} to {high:g} degrees", found=f"a request for {wild[0]:g}",
                cure="ask for yaws within that range",
            )  # fmt: skip
        columns = [np.interp(yaws, self.yaws_degrees, column) for column in self.codes.T]
        return np.stack(columns, axis=1).astype(np.float32)

    @property
    def range_degrees(self) -> tuple[float, float]:
        """Least and greatest yaw."""
        return float(self.yaws_degrees[0]), float(self.yaws_degrees[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"yaws_degrees": self.yaws_degrees.tolist(), "codes": self.codes.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PoseMap:
        """Undo :meth:`to_dict`; every bit of a float32 survives."""
        return cls(np.array(values["yaws_degrees"]), np.array(values["codes"], dtype=np.float32))
