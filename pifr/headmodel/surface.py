"""A photograph on a fitted head: which vertex it shows how well, and what stands in where it shows nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pifr.headmodel.background import share_of_head, without_head
from pifr.headmodel.fill import fill_colours, membrane_of
from pifr.headmodel.fit import Fit, project, rotations
from pifr.headmodel.heads import HeadBasis
from pifr.twin.geometry import DISTANCE_M
from pifr.twin.noise import ramp
from pifr.twin.raycast import Hits, RayMesh

FloatArray = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_REACH_M = 0.006
"""A vertex this little under the surface still counts as seen, such as the rim of an eye under its lid."""
_SEEN = (0.08, 0.42)
"""Cosines at which the photograph begins to count, and counts alone."""
_BETTER = (0.12, 0.40)
"""By how much better, in cosine, the other side must be seen to begin to replace, and to replace, the own side."""
_EDGE_PX = (0.0, 1.5)
_PULL = 1e-4


@dataclass(frozen=True)
class Coat:
    """A head in its photograph's colours.

    Attributes:
        mesh: The head in head axes, for rays.
        triangles: ``(F, 3)``.
        values: ``(V, 12)`` float32: own pixel x, y; mirror pixel x, y; share of the mirror, share of the fill;
            what to add to the mirror's red, green, blue; the fill's red, green, blue.
        photograph: ``(S, S, 4)`` float32 red, green, blue from 0 to 255, and how surely the pixel is the head's.
        behind: ``(S, S, 3)`` float32 the photograph with the head taken out.
    """

    mesh: RayMesh
    triangles: npt.NDArray[np.int32]
    values: Float32
    photograph: Float32
    behind: Float32

    def colours(self, hits: Hits, away: float) -> Float32:
        """Return the colours ``(H, 3)`` that rays meet.

        Args:
            hits: Where rays met the head.
            away: How far the view is turned from the photograph's: at 0 its own pixels count however they were
                seen, at 1 only as far as they were seen well.
        """
        corners = self.values.take(self.triangles.take(hits.triangle, 0), 0)
        values = np.einsum("pk,pkc->pc", hits.weights, corners)
        own, mirror = (sample(self.photograph, values[:, k], values[:, k + 1]) for k in (0, 2))
        mirror[:, :3] += values[:, 6:9]
        seen = own + away * values[:, 4:5] * (mirror - own)
        # Between a seen vertex and an unseen one the photograph may show what lies behind the head.
        seen_share = 1.0 - away * (1.0 - (1.0 - values[:, 5:6]) * seen[:, 3:])
        return values[:, 9:12] + seen_share * (seen[:, :3] - values[:, 9:12])

    def surroundings(self, away: float) -> Float32:
        """Return ``(S, S, 3)`` what lies behind the head: the photograph's own hair and wall, smooth when away."""
        photograph = self.photograph[..., :3]
        return photograph + np.float32(away) * (self.behind - photograph)


def dress(basis: HeadBasis, fit: Fit, index: int, pixels: Float32) -> Coat:
    """Lay one photograph on its fitted head.

    Where the photograph shows a vertex at a grazing angle or not at all, its mirror vertex stands in, in colours
    moved by a membrane over the head that agrees with the own side where both are seen (P. Pérez et al., "Poisson
    image editing", SIGGRAPH 2003, section 3). What neither side shows is filled by such a membrane of colour.

    Args:
        basis: The heads.
        fit: Fits of a batch.
        index: Which of them.
        pixels: ``(S, S, 3)`` float32, 0 to 255.
    """
    vertices, normals = basis.shape(fit.coefficients[index])
    turned = source_rotation(fit, index)
    mesh = RayMesh(vertices.astype(np.float32), basis.triangles)
    scale, centre = fit.scale_px_per_m[index : index + 1], fit.centre_px[index : index + 1]
    own = project(vertices[None], turned[None], scale, centre)[0]
    head = _outline(mesh, fit, index, len(pixels))
    behind = without_head(pixels, head)
    sure = share_of_head(pixels, behind, head)[..., None]
    quality = _quality(mesh, vertices, normals, turned, own, len(pixels)) * sample(sure, *own.T)[:, 0]
    mirror, mirror_quality = own[basis.mirror], quality[basis.mirror]
    mirror_share = ramp((mirror_quality - quality).astype(np.float32), *_BETTER)
    seen = quality + mirror_share * (mirror_quality - quality)
    fill_share = 1.0 - ramp(seen.astype(np.float32), *_SEEN)

    own_colour, mirror_colour = (sample(pixels, place[:, 0], place[:, 1]) for place in (own, mirror))
    both = np.minimum(quality, mirror_quality)
    shift = membrane_of(basis).stretch(own_colour - mirror_colour, both, pull=_PULL)
    mixed = own_colour + mirror_share[:, None] * (mirror_colour + shift - own_colour)
    fill = fill_colours(basis, normals, mixed, seen)
    columns = [own, mirror, mirror_share[:, None], fill_share[:, None], shift, fill]
    values = np.concatenate(columns, axis=1).astype(np.float32)
    return Coat(mesh, basis.triangles, values, np.concatenate([pixels, sure], axis=2).astype(np.float32), behind)


def source_rotation(fit: Fit, index: int) -> FloatArray:
    """Return the ``(3, 3)`` rotation from head axes to those of the photograph's camera."""
    return turned_to(fit, index, float(fit.yaw_degrees[index]))


def turned_to(fit: Fit, index: int, yaw_degrees: float) -> FloatArray:
    """Return the ``(3, 3)`` rotation at another yaw: the camera has gone round the head at the same height."""
    angles = [np.radians([value]) for value in (yaw_degrees, fit.pitch_degrees[index], fit.roll_degrees[index])]
    return rotations(*angles)[0]


def rays(fit: Fit, index: int, rotation: FloatArray, x: FloatArray, y: FloatArray) -> tuple[FloatArray, Float32]:
    """Return where a camera stands in head axes ``(3,)`` and unit directions ``(P, 3)`` through pixels ``(P,)``."""
    scale, (across, down) = fit.scale_px_per_m[index], fit.centre_px[index]
    towards = np.stack([(x - across) / scale, (down - y) / scale, np.full(len(x), -DISTANCE_M)], axis=1)
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    return rotation[2] * DISTANCE_M, (towards @ rotation).astype(np.float32)


def pixel_grid(size_px: int, samples_per_side: int) -> tuple[FloatArray, FloatArray]:
    """Return x and y in pixels of all samples of a picture in reading order."""
    steps = (np.arange(size_px * samples_per_side) + 0.5) / samples_per_side - 0.5
    y, x = np.meshgrid(steps, steps, indexing="ij")
    return x.ravel(), y.ravel()


def sample(pixels: Float32, x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Float32:
    """Read ``(H, W, C)`` between its pixels at ``(P,)`` places; beyond the edge the nearest pixel counts."""
    height, width = pixels.shape[:2]
    x, y = np.clip(x, 0, width - 1).astype(np.float32), np.clip(y, 0, height - 1).astype(np.float32)
    left, top = np.minimum(x.astype(np.int32), width - 2), np.minimum(y.astype(np.int32), height - 2)
    across, down = (x - left)[:, None], (y - top)[:, None]
    flat, corner = pixels.reshape(-1, pixels.shape[2]), top * width + left
    upper = flat.take(corner, 0) * (1 - across) + flat.take(corner + 1, 0) * across
    lower = flat.take(corner + width, 0) * (1 - across) + flat.take(corner + width + 1, 0) * across
    return upper * (1 - down) + lower * down


def _outline(mesh: RayMesh, fit: Fit, index: int, size_px: int) -> npt.NDArray[np.bool_]:
    """Return ``(S, S)`` where the fitted head lies in the photograph."""
    head = np.zeros(size_px * size_px, dtype=bool)
    head[mesh.first_hits(*rays(fit, index, source_rotation(fit, index), *pixel_grid(size_px, 1))).ray] = True
    return head.reshape(size_px, size_px)


def _quality(
    mesh: RayMesh, vertices: FloatArray, normals: FloatArray, rotation: FloatArray, place: FloatArray, size_px: int
) -> FloatArray:
    """Return ``(V,)`` how well the photograph shows each vertex: the cosine of the angle of view, 0 where hidden."""
    way = rotation[2] * DISTANCE_M - vertices
    distance = np.linalg.norm(way, axis=1)
    way /= distance[:, None]
    cosine = np.clip((normals * way).sum(axis=1), 0.0, 1.0)
    origins = (vertices + _REACH_M * way).astype(np.float32)
    hidden = mesh.blocked(origins, way.astype(np.float32), (distance - _REACH_M).astype(np.float32))
    edge = np.minimum(place, size_px - 1 - place).min(axis=1)
    return cosine * ~hidden * ramp(edge.astype(np.float32), *_EDGE_PX)
