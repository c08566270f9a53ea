"""Skin."""

from __future__ import annotations
import numpy as np
import numpy.typing as npt
from pifr.twin import atlas
from pifr.twin.head_model import HeadModel
from pifr.twin.person import Build

FloatMap = npt.NDArray[np.float32]


def tone(melanin: float, blood: float = 1.0) -> FloatMap:
    base = np.array([0.86, 0.66, 0.56])
    return (base * np.exp(-melanin * np.array([1.9, 2.6, 3.0]) - blood * np.array([0.08, 0.35, 0.30]))).astype(
        np.float32
    )


def paint_skin(model: HeadModel, build: Build) -> FloatMap:
    texture = np.zeros((atlas.HEAD.rows, atlas.HEAD.columns, 4), np.float32)
    texture[..., :3] = tone(build.melanin)
    lips = model.masks["lips"][..., None]
    texture[..., :3] = texture[..., :3] * (1 - lips) + lips * tone(build.melanin + 0.1, 2.6)
    texture[..., 3] = 0.25
    return texture
