"""The baked head: one mesh, the targets that bend it, and maps of its skin. Needs neither `anny` nor torch."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pifr.core.errors import DataError

DELTA_STEP_M = 1e-5
"""Offsets of targets are stored as whole multiples of this."""
POSITION_STEP_M = 3e-5
"""Positions of texels are stored as whole multiples of this."""

SCALP_ROWS = 33
SCALP_COLUMNS = 96
SCALP_LAST_ANGLE = np.deg2rad(150.0)
SCALP_CENTRE_M = np.array([0.0, 0.745, 0.02])
"""The point from which the scalp grid looks outwards, inside the template's skull."""
CROWN_TILT = np.deg2rad(20.0)
"""The crown, from which hair grows out, is this far behind the top of the head."""


class Part(IntEnum):
    """What a triangle of the baked head belongs to. Left is the left of a frontal picture."""

    SKIN = 0
    SOCKET = 1
    MOUTH = 2
    LEFT_EYE = 3
    RIGHT_EYE = 4
    UPPER_TEETH = 5
    LOWER_TEETH = 6
    TONGUE = 7
    LASHES = 8


@dataclass(frozen=True)
class HeadModel:
    """Arrays of the baked head.

    Attributes:
        vertices_m: `(V, 3)` float64 template in MakeHuman's frame, metres.
        triangles: `(F, 3)` int32.
        uv: `(F, 3, 2)` float32 atlas coordinates of each corner.
        part: `(F,)` uint8, values of `Part`.
        openness: `(V,)` float32, 1 for an open vertex, towards 0 in a hollow.
        targets: Name -> (`(N,)` vertices, `(N, 3)` float64 offsets in metres).
        texel_position_m: `(rows, columns, 3)` float32 template position under each texel of the head patch.
        texel_openness: `(rows, columns)` float32.
        masks: `lips`, `eyelids`, `ears` -> `(rows, columns)` float32, 0 to 1.
        scalp_vertices: `(SCALP_ROWS, SCALP_COLUMNS, 6)` vertices that each point of the scalp grid hangs on.
        scalp_weights: The same shape, float64, summing to 1.
        points: `left_lid`, `right_lid`, `mouth_rim`, `nose_tip` -> vertex indices.
    """

    vertices_m: npt.NDArray[np.float64]
    triangles: npt.NDArray[np.int32]
    uv: npt.NDArray[np.float32]
    part: npt.NDArray[np.uint8]
    openness: npt.NDArray[np.float32]
    targets: Mapping[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]]
    texel_position_m: npt.NDArray[np.float32]
    texel_openness: npt.NDArray[np.float32]
    masks: Mapping[str, npt.NDArray[np.float32]]
    scalp_vertices: npt.NDArray[np.int64]
    scalp_weights: npt.NDArray[np.float64]
    points: Mapping[str, npt.NDArray[np.int64]]

    @classmethod
    def load(cls, path: Path) -> HeadModel:
        """Load a baked head.

        Raises:
            DataError: If the file is damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return cls._from_arrays(arrays)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                "the baked head model is damaged", where=path, found=error, cure="delete it; it is baked again"
            ) from error

    @classmethod
    def _from_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> HeadModel:
        ends = np.cumsum(arrays["target_counts"])[:-1]
        vertices = np.split(arrays["target_vertices"].astype(np.int64), ends)
        offsets = np.split(arrays["target_offsets"] * DELTA_STEP_M, ends)
        byte = np.float32(1.0 / 255.0)
        return cls(
            vertices_m=arrays["vertices_m"].astype(np.float64),
            triangles=arrays["triangles"],
            uv=arrays["uv"],
            part=arrays["part"],
            openness=arrays["openness"],
            targets=dict(zip(arrays["target_names"].tolist(), zip(vertices, offsets, strict=True), strict=True)),
            texel_position_m=arrays["texel_position"].astype(np.float32) * np.float32(POSITION_STEP_M),
            texel_openness=arrays["texel_openness"].astype(np.float32) * byte,
            masks={name: arrays[f"mask_{name}"].astype(np.float32) * byte for name in ("lips", "eyelids", "ears")},
            scalp_vertices=arrays["scalp_vertices"].astype(np.int64),
            scalp_weights=arrays["scalp_weights"].astype(np.float64),
            points={name: arrays[name].astype(np.int64) for name in ("left_lid", "right_lid", "mouth_rim", "nose_tip")},
        )

    def bend(self, vertices_m: npt.NDArray[np.float64], weights: Mapping[str, float]) -> npt.NDArray[np.float64]:
        """Add targets to a shape.

        The sum runs target by target in the order of `weights`, so it rounds the same everywhere.

        Args:
            vertices_m: `(V, 3)` shape to start from; not changed.
            weights: Target name -> weight.

        Returns:
            `(V, 3)` the bent shape.
        """
        bent = vertices_m.copy()
        for name, weight in weights.items():
            if weight != 0.0:
                moved, offsets = self.targets[name]
                bent[moved] += weight * offsets
        return bent


def scalp_directions() -> npt.NDArray[np.float64]:
    """Return `(SCALP_ROWS, SCALP_COLUMNS, 3)` unit vectors: rows from the crown down, columns once round.

    Column 0 looks to the face (+z) and the columns turn towards +x.
    """
    down = np.linspace(0.0, SCALP_LAST_ANGLE, SCALP_ROWS)[:, None]
    turn = (2.0 * np.pi * np.arange(SCALP_COLUMNS) / SCALP_COLUMNS)[None, :]
    aside, front = np.sin(down) * np.sin(turn), np.sin(down) * np.cos(turn)
    up = np.broadcast_to(np.cos(down), aside.shape)
    cosine, sine = np.cos(CROWN_TILT), np.sin(CROWN_TILT)
    return np.stack([aside, cosine * up + sine * front, cosine * front - sine * up], axis=-1)
