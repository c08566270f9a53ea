"""Where in the one texture of a person each thing lies, and how a head is unrolled into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TEXTURE_SIZE = 512
"""Texels on each side of the atlas."""


@dataclass(frozen=True)
class Patch:
    """A rectangle of the atlas, in texels.

    Attributes:
        row: First row.
        column: First column.
        rows: Number of rows.
        columns: Number of columns.
    """

    row: int
    column: int
    rows: int
    columns: int

    @property
    def region(self) -> tuple[slice, slice]:
        """Rows and columns, to index a texture."""
        return slice(self.row, self.row + self.rows), slice(self.column, self.column + self.columns)

    def place(self, local: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Turn coordinates inside the patch `(..., 2)`, (u, v) from 0 to 1, into atlas coordinates.

        Texel centres of the border are the extremes, so a lookup never bleeds into a neighbouring patch.
        """
        clipped = np.clip(local, 0.0, 1.0)
        u = (self.column + clipped[..., 0] * (self.columns - 1)) / (TEXTURE_SIZE - 1)
        v = (self.row + clipped[..., 1] * (self.rows - 1)) / (TEXTURE_SIZE - 1)
        return np.stack([u, v], axis=-1).astype(np.float32)

    def middle(self) -> npt.NDArray[np.float32]:
        """Return the atlas coordinates of the patch's middle, for things of one colour."""
        return self.place(np.array([0.5, 0.5]))


HEAD = Patch(0, 0, 384, 512)
HAIR = Patch(384, 0, 128, 256)
EYE = Patch(384, 256, 96, 96)
MOUTH = Patch(384, 352, 32, 32)
TEETH = Patch(384, 384, 32, 64)
TONGUE = Patch(384, 448, 32, 32)
SOCKET = Patch(416, 352, 16, 16)
LASH = Patch(416, 368, 16, 16)
FRAME = Patch(416, 384, 16, 16)
LENS = Patch(416, 400, 16, 16)
COLLAR = Patch(416, 416, 16, 64)

AXIS_Z_M = 0.015
"""The vertical axis about which the head is unrolled passes through the template at this depth."""

_HEIGHTS_M = (0.40, 0.58, 0.60, 0.83, 0.86)
_ROWS = (1.0, 0.82, 0.79, 0.08, 0.0)


def unroll(position_m: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Map template points `(..., 3)` in metres to (u, v) of the head patch.

    A cylinder round the vertical axis, with more columns for the front than the back and more rows for the
    face than for chest and crown.
    """
    x, y, z = position_m[..., 0], position_m[..., 1], position_m[..., 2]
    turn = np.arctan2(x, z - AXIS_Z_M) / np.pi
    return np.stack([column_of_turn(turn), np.interp(y, _HEIGHTS_M, _ROWS)], axis=-1)


def column_of_turn(turn: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Map a turn about the axis, -1 to 1 (half a revolution each), to u; may exceed 0..1 past the seam."""
    size = np.abs(turn)
    inside = 0.25 * size + 0.75 * (1.0 - (1.0 - size) ** 2)
    beyond = 1.0 + 0.25 * (size - 1.0)
    return 0.5 + 0.5 * np.sign(turn) * np.where(size <= 1.0, inside, beyond)
