"""Views: an unturned face is itself, a mirrored face turns the other way, and every view is framed by its template."""

from __future__ import annotations

import numpy as np
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.geometry import transform_points, warp
from pifr.data.templates import ARCFACE_POINTS, Face, FivePoints
from pifr.headmodel import HeadModelRotator
from pifr.headmodel.heads import HeadBasis

SIZE = 64


@pytest.mark.parametrize("yaw", [0.0, 40.0])
def test_an_unturned_face_is_itself(painter, rotator: HeadModelRotator, yaw: float) -> None:
    portrait = painter(1, yaw)
    here = rotator.fit(portrait.landmarks[None]).yaw_degrees
    view = rotator.rotate(portrait.pixels[None], portrait.landmarks[None], here)[0, 0]
    difference = np.abs(view.astype(int) - portrait.pixels.astype(int))
    inside = portrait.head & np.roll(portrait.head, 3, 0) & np.roll(portrait.head, -3, 0)
    inside &= np.roll(portrait.head, 3, 1) & np.roll(portrait.head, -3, 1)
    assert difference[inside].mean() < 3.0
    assert np.percentile(difference[inside], 95) < 12


@pytest.mark.parametrize("yaw", [-60.0, -30.0, 30.0, 60.0])
def test_a_turned_face_is_the_one_that_a_camera_there_sees(painter, rotator: HeadModelRotator, yaw: float) -> None:
    source, truth = painter(None, 0.0), painter(None, yaw)
    view = rotator.rotate(source.pixels[None], source.landmarks[None], [yaw])[0, 0].astype(int)
    unturned = np.abs(source.pixels.astype(int) - truth.pixels)[truth.head].mean()
    # Colours grow with x, so the mirror's are wrong on the far side; the face itself must be right.
    assert np.median(np.abs(view - truth.pixels)[truth.head]) < 0.4 * unturned


def test_a_mirrored_source_gives_the_mirrored_views(painter, rotator: HeadModelRotator) -> None:
    portrait = painter(2, 25.0)
    mirrored = (np.array([SIZE - 1, 0]) + portrait.landmarks * [-1, 1])[[1, 0, 2, 4, 3]]
    yaws = np.array([-70.0, 0.0, 50.0])
    views = rotator.rotate(portrait.pixels[None], portrait.landmarks[None], yaws)[0].astype(int)
    other = rotator.rotate(portrait.pixels[None, :, ::-1], mirrored[None], -yaws)[0, :, :, ::-1].astype(int)
    assert np.abs(views - other).mean() < 0.5
    assert np.abs(views[0] - views[2]).mean() > 10.0


def test_positive_yaw_turns_the_nose_to_the_right(painter, rotator: HeadModelRotator) -> None:
    portrait = painter(None, 0.0)
    nose = portrait.landmarks[2].round().astype(int)
    pixels = portrait.pixels.copy()
    pixels[nose[1] - 1 : nose[1] + 2, nose[0] - 1 : nose[0] + 2] = [0, 255, 0]
    for yaw in (-45.0, 45.0):
        view = rotator.rotate(pixels[None], portrait.landmarks[None], [yaw])[0, 0].astype(int)
        green = view[..., 1] - view[..., 0]
        across = np.unravel_index(green.argmax(), green.shape)[1]
        expected = painter(None, yaw).landmarks[2, 0]
        assert across == pytest.approx(expected, abs=2.0)


def test_arcface_views_are_framed_as_the_alignment_frames_true_ones(painter) -> None:
    source, truth = (
        _aligned(portrait) for portrait in (painter(None, 5.0), painter(None, 50.0))
    )  # fmt: skip
    rotator = HeadModelRotator(SIZE, "arcface-112")
    view = rotator.rotate(source[0][None], source[1][None], [50.0])[0, 0].astype(int)
    middle = np.s_[12:52, 20:50]
    right = np.abs(view - truth[0])[middle]
    assert np.median(right) < 0.4 * np.median(np.abs(source[0].astype(int) - truth[0])[middle])


def test_without_landmarks_the_template_says_where_the_face_lies(
    painter, basis: HeadBasis, rotator: HeadModelRotator
) -> None:
    portrait = painter(None, 0.0)
    given = rotator.rotate(portrait.pixels[None], portrait.landmarks[None], [30.0])
    np.testing.assert_array_equal(rotator.rotate(portrait.pixels[None], None, [30.0]), given)
    arcface = HeadModelRotator(112, "arcface-112")
    np.testing.assert_allclose(arcface.framing.canonical_points(basis.mean_points_m), ARCFACE_POINTS)
    assert np.abs(arcface.fit(ARCFACE_POINTS[None]).yaw_degrees[0]) < 3.0


def test_a_view_does_not_depend_on_its_batch(painter, rotator: HeadModelRotator) -> None:
    two = [painter(seed, 0.0) for seed in (5, 6)]
    pixels, landmarks = np.stack([one.pixels for one in two]), np.stack([one.landmarks for one in two])
    views = rotator.rotate(pixels, landmarks, [-30.0, 60.0])
    assert views.shape == (2, 2, SIZE, SIZE, 3)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views[1:, 1:], rotator.rotate(pixels[1:], landmarks[1:], [60.0]))


def test_a_picture_full_of_one_colour_stays_so(rotator: HeadModelRotator) -> None:
    flat = np.full((1, SIZE, SIZE, 3), 90, np.uint8)
    views = rotator.rotate(flat, None, [-90.0, 0.0, 90.0])
    # Filled parts may be shaded, but nothing is black and nothing glares.
    assert views.min() > 30
    assert views.max() < 120


def test_no_pictures_and_no_yaws_are_no_error(rotator: HeadModelRotator) -> None:
    nothing = np.empty((0, SIZE, SIZE, 3), np.uint8)
    assert rotator.rotate(nothing, None, [0.0]).shape == (0, 1, SIZE, SIZE, 3)
    assert rotator.rotate(np.zeros((2, SIZE, SIZE, 3), np.uint8), None, []).shape == (2, 0, SIZE, SIZE, 3)


def test_what_it_says_of_itself(rotator: HeadModelRotator) -> None:
    assert (rotator.name, rotator.spec.size_px, rotator.spec.template) == ("headmodel", SIZE, "twin-64")
    assert len(rotator.sha256) == 64
    assert HeadModelRotator(32, None).spec.template == "unaligned"
    assert HeadModelRotator(32, None).sha256 == rotator.sha256


@pytest.mark.parametrize(
    ("pixels", "landmarks", "yaws", "message"),
    [
        (np.zeros((1, 32, 32, 3), np.uint8), None, [0.0], "uint8 (N, 64, 64, 3), found uint8 (1, 32, 32, 3)"),
        (np.zeros((1, 64, 64, 3)), None, [0.0], "found float64"),
        (np.zeros((64, 64, 3), np.uint8), None, [0.0], "found uint8 (64, 64, 3)"),
        (np.zeros((1, 64, 64, 3), np.uint8), None, [100.5], "-100 to 100 degrees, found 100.5"),
        (np.zeros((1, 64, 64, 3), np.uint8), None, [float("nan")], "found nan"),
        (np.zeros((1, 64, 64, 3), np.uint8), None, [[0.0]], "one list of degrees"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.full((1, 5, 2), np.nan), [0.0], "NaN at picture 0"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 5, 2)), [0.0], "coincide"),
        (np.zeros((1, 64, 64, 3), np.uint8), np.zeros((1, 4, 2)), [0.0], "(N, 5, 2), found (1, 4, 2)"),
        (np.zeros((2, 64, 64, 3), np.uint8), np.zeros((1, 5, 2)), [0.0], "found 1 and 2"),
    ],
)
def test_bad_input_is_one_line(rotator: HeadModelRotator, pixels, landmarks, yaws, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rotator.rotate(pixels, landmarks, yaws)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_templates_are_one_line(basis: HeadBasis) -> None:
    with pytest.raises(ConfigError, match=r"unknown alignment template 'arcfase-112'.*arcface-112"):
        HeadModelRotator(64, "arcfase-112")
    with pytest.raises(DataError, match="at least 16 pixels, found 8"):
        HeadModelRotator(8, None)
    with pytest.raises(DataError, match=r"does not say where a face lies.*crop:center"):
        HeadModelRotator(64, "crop:center").rotate(np.zeros((1, 64, 64, 3), np.uint8), None, [0.0])


def _aligned(portrait) -> tuple[np.ndarray, np.ndarray]:
    face = Face(portrait.landmarks, float("nan"), (SIZE, SIZE), float("nan"), "test")
    matrix = FivePoints().matrix(face, SIZE)
    return warp(portrait.pixels, matrix, SIZE), transform_points(portrait.landmarks, matrix)
