from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pifr.data.geometry import box_to_square, fit_similarity, invert, transform_points, warp

SHAPE = np.array([[0.0, 0.0], [4.0, 0.0], [2.0, 3.0], [1.0, 5.0], [3.0, 5.0]])
numbers = st.floats(-50, 50)


@given(st.floats(-np.pi, np.pi), st.floats(0.2, 5), numbers, numbers)
def test_an_exact_similarity_is_recovered(angle: float, scale: float, x: float, y: float) -> None:
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.column_stack([rotation, [x, y]])
    assert np.allclose(fit_similarity(SHAPE, transform_points(SHAPE, matrix)), matrix, atol=1e-6)


@given(st.integers(0, 10_000))
def test_the_fit_is_a_least_squares_minimum(seed: int) -> None:
    # A similarity is (x, y) -> (ax - by + c, bx + ay + d), linear in a, b, c, d: solve it with lstsq.
    target = np.random.default_rng(seed).normal(0, 10, (5, 2))
    x, y = SHAPE.T
    rows = np.concatenate([np.stack([x, -y, x * 0 + 1, x * 0], 1), np.stack([y, x, x * 0, x * 0 + 1], 1)])
    a, b, c, d = np.linalg.lstsq(rows, np.concatenate([target[:, 0], target[:, 1]]), rcond=None)[0]
    assert np.allclose(fit_similarity(SHAPE, target), [[a, -b, c], [b, a, d]], atol=1e-6)


def test_mirrored_points_are_fitted_without_a_reflection() -> None:
    matrix = fit_similarity(SHAPE, SHAPE * [-1, 1])
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize("points", [np.ones((5, 2)), np.full((5, 2), np.nan)])
def test_useless_points_are_refused(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match="coincide"):
        fit_similarity(points, SHAPE)


def test_there_and_back() -> None:
    matrix = np.array([[2.0, 1.0, 3.0], [-1.0, 2.0, 4.0]])
    assert np.allclose(transform_points(transform_points(SHAPE, matrix), invert(matrix)), SHAPE)


def test_box_to_square_by_hand() -> None:
    # The box 10..14 shown twice as large: pixel 10's centre lies half a source pixel from the edge, so one target
    # pixel from the target's edge, which is coordinate 0.5.
    matrix = box_to_square(10, 10, 4, 8)
    assert np.allclose(transform_points(np.array([[10.0, 13.0]]), matrix), [[0.5, 6.5]])


def noise(side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def test_a_box_of_the_targets_size_copies_pixels() -> None:
    pixels = noise(20)
    assert np.array_equal(warp(pixels, box_to_square(3, 5, 8, 8), 8), pixels[5:13, 3:11])


def test_beyond_the_picture_is_black() -> None:
    shown = warp(np.full((8, 8, 3), 200, np.uint8), box_to_square(-4, 0, 8, 8), 8)
    assert shown[:, :3].max() == 0
    assert shown[:, 5:].min() == 200


def test_a_quarter_turn() -> None:
    # (x, y) -> (7 - y, x) turns an 8 x 8 picture clockwise.
    pixels = noise(8)
    turned = warp(pixels, np.array([[0.0, -1.0, 7.0], [1.0, 0.0, 0.0]]), 8)
    assert np.array_equal(turned, np.rot90(pixels, -1))


def test_shrinking_does_not_alias() -> None:
    # Stripes of one pixel carry no detail at an eighth of the size: all that may be left is their mean.
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = warp(stripes, box_to_square(0, 0, 64, 8), 8)
    assert np.abs(small[1:-1, 1:-1].astype(int) - 127).max() <= 12


def test_a_marked_point_lands_where_the_map_says() -> None:
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[29:32, 19:22] = 255  # centred on (20, 30)
    matrix = np.array([[1.5, 0.4, -3.0], [-0.4, 1.5, 2.0]])
    shown = warp(pixels, matrix, 64)[..., 0].astype(float)
    rows, columns = np.mgrid[:64, :64]
    center = np.array([(columns * shown).sum(), (rows * shown).sum()]) / shown.sum()
    assert np.allclose(center, transform_points(np.array([[20.0, 30.0]]), matrix)[0], atol=0.1)
