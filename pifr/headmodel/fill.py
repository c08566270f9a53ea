"""Colours for what a photograph does not show: skin from skin, hair from hair, lit as the rest."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pifr.headmodel.heads import HeadBasis
from pifr.twin.noise import ramp

FloatArray = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_TRUSTED = (0.20, 0.50)
_STIFFNESS = 0.15
_UNLIKE_SKIN = (35.0, 90.0)
"""Distances in RGB."""
_HAIR_LIKE_SKIN = 0.02
_OTHER_SIDE = 0.2
"""How much the hair of the other side counts."""
_LIT = (0.82, 1.15)
_HOLLOW = 0.45


def fill_colours(basis: HeadBasis, normals: FloatArray, seen_colour: FloatArray, seen: FloatArray) -> FloatArray:
    """Return ``(V, 3)`` a colour for every vertex, stretched from those that are seen.

    Args:
        basis: The heads.
        normals: ``(V, 3)``.
        seen_colour: ``(V, 3)`` from the photograph.
        seen: ``(V,)`` how well each is seen, as a cosine.
    """
    membrane, hairy = membrane_of(basis), basis.hair_share
    held = ramp(seen.astype(np.float32), *_TRUSTED)
    shade = _shade(seen_colour.mean(axis=1), normals, basis, held)
    bare = seen_colour / shade
    skin = held * (1.0 - hairy)
    usual = (bare * skin[:, None]).sum(axis=0) / max(float(skin.sum()), 1e-6)
    # Only a rim of hair may be seen, so it counts at grazing angles too; skin counts little, for bald heads.
    own = hairy * np.maximum(_HAIR_LIKE_SKIN * held, _unlike(bare, usual) * ramp(seen.astype(np.float32), 0.05, 0.30))
    total, weight = (part + _OTHER_SIDE * part[basis.mirror] for part in (own[:, None] * bare, own))
    hair_fill = membrane.stretch(total / np.maximum(weight, 1e-9)[:, None], weight, pull=0.0)
    skin_fill = membrane.stretch(bare, skin, pull=0.0)
    return shade * (skin_fill + hairy[:, None] * (hair_fill - skin_fill))


def _unlike(colour: FloatArray, usual: FloatArray) -> Float32:
    """Return ``(V,)`` how surely colours are not the skin's."""
    return ramp(np.linalg.norm(colour - usual, axis=1).astype(np.float32), *_UNLIKE_SKIN)


def _shade(brightness: Float32, normals: FloatArray, basis: HeadBasis, weight: Float32) -> FloatArray:
    """Return ``(V, 1)`` how brightly each vertex is lit, by the light that the seen skin tells of.

    First-order spherical harmonics of the normal (R. Basri and D. Jacobs, "Lambertian reflectance and linear
    subspaces", TPAMI 25(2), 2003), held within bounds, less light in hollows.
    """
    around = np.column_stack([np.ones(len(normals)), normals])
    skin = weight * (1.0 - basis.hair_share)
    weighted = around * skin[:, None]
    # A little pull to even light, since the seen normals cover one half of the sphere.
    pull = np.diag([1e-6, 0.05, 0.05, 0.05]) * max(float(skin.sum()), 1.0)
    light = np.linalg.solve(weighted.T @ around + pull, weighted.T @ brightness)
    usual = float(skin @ (around @ light)) / max(float(skin.sum()), 1e-6)
    lit = np.clip(around @ light / max(usual, 1.0), *_LIT)
    return (lit * (_HOLLOW + (1.0 - _HOLLOW) * basis.openness))[:, None]


class Membrane:
    """A sheet over the vertices that is held where values are known and stretches between.

    Args:
        triangles: ``(F, 3)``.
        count: Number of vertices.
    """

    def __init__(self, triangles: npt.NDArray[np.int32], count: int) -> None:
        from scipy import sparse

        edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
        first, second = np.unique(edges, axis=0).T
        joined = sparse.coo_matrix((np.ones(len(first)), (first, second)), (count, count))
        joined = (joined + joined.T).tocsr()
        self._laplacian: Any = sparse.diags(np.asarray(joined.sum(axis=1)).ravel()) - joined

    def stretch(self, values: npt.NDArray[np.floating], weight: FloatArray, pull: float) -> FloatArray:
        """Return the smooth field ``(V, C)`` nearest to values ``(V, C)`` by weight ``(V,)``, 0 where unheld."""
        from scipy import sparse
        from scipy.sparse.linalg import splu

        held = sparse.diags(weight + pull + 1e-9)
        factors = splu((held + _STIFFNESS * self._laplacian).tocsc(), permc_spec="MMD_AT_PLUS_A",
                       options={"SymmetricMode": True})  # fmt: skip
        return factors.solve(np.asarray(values, dtype=np.float64) * weight[:, None])


@lru_cache(maxsize=1)
def membrane_of(basis: HeadBasis) -> Membrane:
    """Return the membrane over the heads of a basis; made once."""
    return Membrane(basis.triangles, len(basis.mean_m))
