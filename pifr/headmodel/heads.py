"""The statistical head: the mean of the twin's people and the ways in which they differ."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pifr.twin.bake import head_model
from pifr.twin.head_model import CROWN_TILT, SCALP_CENTRE_M, HeadModel, Part
from pifr.twin.noise import ramp
from pifr.twin.person import draw_build, shape_weights
from pifr.twin.rasterise import vertex_normals
from pifr.twin.render import FACE_BEHIND_EYES_M, FACE_BELOW_EYES_M
from pifr.twin.sitter import face_points

FloatArray = npt.NDArray[np.float64]

VERSION = 1
"""Raised whenever the same photograph would give other views; part of the digest."""
PEOPLE = 200
COMPONENTS = 30
_SEED = 6_001
"""A world of its own: none of these people is in a data set of the twin's usual seeds."""

_HAIRLINE_TURN = (0.0, 40.0, 60.0, 75.0, 100.0, 130.0, 180.0)
_HAIRLINE_ANGLE = (78.0, 84.0, 104.0, 96.0, 98.0, 118.0, 130.0)
"""Degrees down from the crown to where most people's hair ends, at degrees round it."""
_HAIR_M = 0.010
_UNSEEN_PARTS = (Part.LASHES, Part.UPPER_TEETH, Part.LOWER_TEETH, Part.TONGUE)


@dataclass(frozen=True, eq=False)  # compared as an object, so that it can be a key
class HeadBasis:
    """Mean and principal components of heads at rest, in the head's own axes.

    x points to the right of a frontal picture, y up, z forward. The origin lies a little below and behind the eyes,
    where the twin's cameras aim, so that a head turned about it is framed as a camera that goes round frames it.

    Attributes:
        mean_m: ``(V, 3)`` metres.
        components_m: ``(K, V, 3)``, each one standard deviation long.
        mean_points_m: ``(5, 3)`` eyes, nose tip and mouth corners of the mean head, left first.
        component_points_m: ``(K, 5, 3)``.
        triangles: ``(F, 3)`` int32 vertices, without lashes, teeth and tongue.
        mirror: ``(V,)`` the vertex on the other side of the face.
        hair_m: ``(V,)`` by how much usual hair raises a vertex.
        hair_share: ``(V,)`` how much of a vertex most people's hair covers, 0 to 1.
        openness: ``(V,)`` 1 on a bulge, towards 0 in a hollow.
        sha256: Digest of the model that this came from, of the sample and of :data:`VERSION`.
    """

    mean_m: FloatArray
    components_m: FloatArray
    mean_points_m: FloatArray
    component_points_m: FloatArray
    triangles: npt.NDArray[np.int32]
    mirror: npt.NDArray[np.int64]
    hair_m: FloatArray
    hair_share: FloatArray
    openness: FloatArray
    sha256: str

    def points(self, coefficients: FloatArray) -> FloatArray:
        """Return the five points ``(..., 5, 3)`` in metres for coefficients ``(..., K)``."""
        return self.mean_points_m + np.tensordot(coefficients, self.component_points_m, axes=1)

    def shape(self, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the head ``(V, 3)`` in metres, raised by its hair, and its unit normals for coefficients ``(K,)``."""
        bare = self.mean_m + np.tensordot(coefficients, self.components_m, axes=1)
        normals = vertex_normals(bare, self.triangles)
        raised = bare + normals * self.hair_m[:, None]
        return raised, vertex_normals(raised, self.triangles)


@lru_cache(maxsize=1)
def head_basis() -> HeadBasis:
    """Sample people of the twin and return their mean head and principal components.

    V. Blanz and T. Vetter, "A morphable model for the synthesis of 3D faces", SIGGRAPH 1999, section 3, with the
    twin's people in place of laser scans. Takes a second or two, once a process.

    Raises:
        DependencyError: If no head is baked and the extra `twin` is not installed.
    """
    model = head_model()
    mirror = _mirror(model.vertices_m)
    shapes = np.stack([sample_head(model, _SEED, number)[0] for number in range(1, PEOPLE + 1)])
    # Each person counts once as drawn and once mirrored, so that left and right are alike: the two halves of the
    # sample's covariance, even and odd, then fall apart and are decomposed one by one.
    mirrored = shapes[:, mirror] * [-1.0, 1.0, 1.0]
    even, odd = (shapes + mirrored) / 2, (shapes - mirrored) / 2
    mean = even.mean(axis=0)
    lengths, components = zip(*map(_principal, (even - mean, odd)), strict=True)
    largest = np.argsort(-np.concatenate(lengths), kind="stable")[:COMPONENTS]
    chosen = np.concatenate(components)[largest]
    hair = _hair(model)
    return HeadBasis(
        mean_m=mean,
        components_m=chosen,
        mean_points_m=face_points(model, mean),
        component_points_m=np.stack([face_points(model, component) for component in chosen]),
        triangles=model.triangles[~np.isin(model.part, _UNSEEN_PARTS)],
        mirror=mirror,
        hair_m=_HAIR_M * hair[0],
        hair_share=hair[1],
        openness=model.openness.astype(np.float64),
        sha256=_digest(model),
    )


def sample_head(model: HeadModel, seed: int, person: int) -> tuple[FloatArray, FloatArray]:
    """Return a person's head at rest and its five points in the axes of :class:`HeadBasis`: ``(V, 3)``, ``(5, 3)``."""
    shape = model.bend(model.vertices_m, shape_weights(seed, person, draw_build(seed, person)))
    points = face_points(model, shape)
    _, up, forward = points[:2].mean(axis=0)
    origin = np.array([0.0, up - FACE_BELOW_EYES_M, forward - FACE_BEHIND_EYES_M])
    return shape - origin, points - origin


def _principal(centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return variances ``(K,)`` and components ``(K, V, 3)``, each one standard deviation long, of ``(N, V, 3)``."""
    flat = centred.reshape(len(centred), -1)
    # The heads are few and the vertices many, so the small side is decomposed.
    variances, vectors = np.linalg.eigh(flat @ flat.T / len(flat))
    variances, vectors = variances[::-1][:COMPONENTS], vectors[:, ::-1][:, :COMPONENTS]
    components = vectors.T @ flat / np.sqrt(len(flat))
    # The sign of an eigenvector is arbitrary: let the largest entry be positive on every machine.
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(len(components)), largest])[:, None]
    return variances, components.reshape(-1, *centred.shape[1:])


def _mirror(vertices: FloatArray) -> npt.NDArray[np.int64]:
    """Match each vertex of the symmetric template with its mirror image."""
    steps = np.rint(vertices * 1e5).astype(np.int64)
    place = {tuple(row): index for index, row in enumerate(steps.tolist())}
    return np.array([place[-x, y, z] for x, y, z in steps.tolist()])


def _hair(model: HeadModel) -> tuple[FloatArray, FloatArray]:
    """Return ``(V,)`` shares of the usual hair's height, nil at its rim, and of its cover."""
    offset = model.vertices_m - SCALP_CENTRE_M
    cosine, sine = np.cos(CROWN_TILT), np.sin(CROWN_TILT)
    up = cosine * offset[:, 1] - sine * offset[:, 2]
    front = cosine * offset[:, 2] + sine * offset[:, 1]
    angle = np.degrees(np.arctan2(np.hypot(offset[:, 0], front), up))
    turn = np.degrees(np.abs(np.arctan2(offset[:, 0], front)))
    inside = np.interp(turn, _HAIRLINE_TURN, _HAIRLINE_ANGLE) - angle
    aside, height = np.abs(model.vertices_m[:, 0]), model.vertices_m[:, 1]
    ears = (aside > 0.0745) & (height > 0.66) & (height < 0.745)
    inside = np.where(ears, -90.0, inside).astype(np.float32)
    tall, cover = ramp(inside, 0.0, 22.0), ramp(inside, -12.0, 12.0)
    return tall.astype(np.float64), cover.astype(np.float64)


def _digest(model: HeadModel) -> str:
    digest = hashlib.sha256(f"{VERSION} {PEOPLE} {COMPONENTS} {_SEED}\n".encode())
    digest.update(np.rint(model.vertices_m * 1e6).astype("<i4").tobytes())
    digest.update(model.triangles.astype("<i4").tobytes())
    for name, (moved, offsets) in sorted(model.targets.items()):
        digest.update(name.encode())
        digest.update(moved.astype("<i4").tobytes())
        digest.update(np.rint(offsets * 1e6).astype("<i4").tobytes())
    return digest.hexdigest()
