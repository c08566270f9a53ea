"""Texels, normals, rays, grids and tubes on shapes small enough to reckon by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pifr.twin import atlas
from pifr.twin.meshes import Mesh, grid_triangles, join, tube
from pifr.twin.noise import layered_noise, ramp, smooth_noise
from pifr.twin.rasterise import bridge_gaps, cast_from, rasterise, vertex_normals, vertex_occlusion

# A tetrahedron round the origin, faces anticlockwise from outside.
TETRA = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def test_rasterise_finds_triangles_and_weights() -> None:
    # The unit square in two triangles; texel (1, 1) of a 3 x 3 patch is its middle, on the diagonal.
    corners = np.array([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    face, weights = rasterise(corners, np.array([0.0, 1.0]), 3, 3)
    assert face[0, 2] == 0
    assert face[2, 0] == 1
    assert face[1, 1] == 1  # the higher triangle wins
    np.testing.assert_allclose(weights[1, 1], [0.5, 0.5, 0.0])
    np.testing.assert_allclose(weights.sum(axis=-1), 1.0)


def test_rasterise_fills_bare_texels_from_their_row() -> None:
    corners = np.array([[[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]]])
    face, weights = rasterise(corners, np.zeros(1), 3, 5)
    assert (face == 0).all()
    np.testing.assert_allclose(weights[0, 4], weights[0, 2])


def test_normals_of_a_tetrahedron_point_through_its_corners() -> None:
    np.testing.assert_allclose(vertex_normals(TETRA, FACES), TETRA / np.sqrt(3.0), atol=1e-12)


def test_normal_of_an_unused_vertex_is_zero() -> None:
    assert np.array_equal(vertex_normals(np.vstack([TETRA, [[5, 5, 5]]]), FACES)[4], [0.0, 0.0, 0.0])


def test_rays_from_within_meet_the_face_they_point_at() -> None:
    towards = (TETRA[[0, 1, 2]].mean(axis=0))[None] / np.linalg.norm(TETRA[[0, 1, 2]].mean(axis=0))
    hit, weights = cast_from(TETRA, FACES, towards)
    assert hit[0] == 0
    np.testing.assert_allclose(weights[0], [1 / 3, 1 / 3, 1 / 3])


def test_rays_that_meet_nothing_say_so() -> None:
    hit, weights = cast_from(TETRA, FACES[:1], np.array([[-1.0, 0.0, 0.0]]))
    assert hit[0] == -1
    assert not weights.any()


def test_gaps_are_bridged_between_their_ends() -> None:
    ids = np.arange(4)[:, None, None] * np.ones((1, 1, 3), dtype=int)
    weights = np.broadcast_to([1.0, 0.0, 0.0], (4, 1, 3))
    found = np.array([[True], [False], [False], [True]])
    both, shares = bridge_gaps(ids, weights, found)
    assert both[1, 0].tolist() == [0, 0, 0, 3, 3, 3]
    np.testing.assert_allclose(shares[1, 0], [2 / 3, 0, 0, 1 / 3, 0, 0])
    np.testing.assert_allclose(shares.sum(axis=-1), 1.0)


def test_the_bottom_of_a_pit_is_less_open_than_a_plain() -> None:
    pytest.importorskip("embreex")
    # A square well 1 cm wide and 5 cm deep beside a lone square.
    floor = np.array([[0, 0, 0], [0.01, 0, 0], [0.01, 0, -0.01], [0, 0, -0.01]])
    rim, plain = floor + np.array([0, 0.05, 0]), floor + np.array([1.0, 0, 0])
    vertices = np.vstack([floor, rim, plain])
    square = np.array([[0, 1, 2], [0, 2, 3]])
    walls = [[a, a + 4, b + 4] for a, b in ((0, 1), (1, 2), (2, 3), (3, 0))]
    walls += [[a, b + 4, b] for a, b in ((0, 1), (1, 2), (2, 3), (3, 0))]
    openness = vertex_occlusion(vertices, np.vstack([square, np.array(walls), square + 8]))
    np.testing.assert_allclose(openness[8:], 1.0)
    assert openness[:4].max() < 0.7


def test_grids_are_wound_alike_and_wrap() -> None:
    flat = np.array([[x, -y, 0.0] for y in range(3) for x in range(4)])
    open_grid = grid_triangles(3, 4, wrap=False)
    assert len(open_grid) == 2 * 3 * 2
    corners = flat[open_grid]
    upwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert (upwards > 0).all()
    assert len(grid_triangles(3, 4, wrap=True)) == 2 * 4 * 2


def test_tubes_keep_their_radius_and_face_outwards() -> None:
    path = np.array([[0.0, 0.0, z] for z in range(4)])
    pipe = tube(path, np.full(4, 0.25), 8, (0.0, 1.0, 0.0))
    np.testing.assert_allclose(np.hypot(pipe.vertices[:, 0], pipe.vertices[:, 1]), 0.25)
    normals = vertex_normals(pipe.vertices, pipe.triangles)
    assert ((normals[:, :2] * pipe.vertices[:, :2]).sum(axis=1) > 0).all()


def test_joined_pieces_keep_their_triangles() -> None:
    piece = Mesh(TETRA, FACES, np.zeros((4, 2)))
    both = join([piece, Mesh(TETRA + 5.0, FACES, np.ones((4, 2)))])
    np.testing.assert_allclose(both.vertices[both.triangles[4:]], TETRA[FACES] + 5.0)
    assert both.uv.shape == (8, 2)


def test_patches_of_the_atlas_do_not_overlap() -> None:
    taken = np.zeros((atlas.TEXTURE_SIZE, atlas.TEXTURE_SIZE), dtype=int)
    for patch in (value for value in vars(atlas).values() if isinstance(value, atlas.Patch)):
        taken[patch.region] += 1
        assert taken[patch.region].shape == (patch.rows, patch.columns)
        np.testing.assert_allclose(patch.place(np.array([0.0, 0.0])) * 511, [patch.column, patch.row], atol=1e-4)
    assert taken.max() == 1


def test_the_face_is_unrolled_about_the_middle_of_its_patch() -> None:
    # Straight ahead is the middle column; a quarter turn left and right lie symmetric about it; higher is nearer row 0.
    ahead, left, right = atlas.unroll(np.array([[0.0, 0.7, 0.1], [-0.1, 0.7, 0.015], [0.1, 0.7, 0.015]]))
    assert ahead[0] == 0.5
    assert left[0] + right[0] == pytest.approx(1.0)
    assert left[0] < 0.25  # the front half takes more than half of the columns
    assert atlas.unroll(np.array([0.0, 0.8, 0.1]))[1] < ahead[1]


def test_ramp_runs_either_way() -> None:
    values = np.array([0.0, 1.0, 1.5, 2.0, 9.0], dtype=np.float32)
    np.testing.assert_allclose(ramp(values, 1.0, 2.0), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(ramp(values, 2.0, 1.0), [1, 1, 0.5, 0, 0])


def test_noise_is_smooth_repeatable_and_as_large_as_asked() -> None:
    first = smooth_noise(np.random.default_rng(5), (40, 60), (4, 6))
    assert first.shape == (40, 60)
    np.testing.assert_array_equal(first, smooth_noise(np.random.default_rng(5), (40, 60), (4, 6)))
    assert np.abs(np.diff(first, axis=1)).max() < 1.0
    fine = layered_noise(np.random.default_rng(5), (40, 60), (4, 6), 3)
    assert np.abs(np.diff(fine, axis=1)).mean() > np.abs(np.diff(first, axis=1)).mean()
