"""Local binary patterns against their definition in loops."""

import numpy as np
import pytest
from PIL import Image

from pifr.core.config import check_config
from pifr.core.errors import ConfigError
from pifr.data.manifest import LANDMARK_COLUMNS, make_manifest
from pifr.recognition.hdlbp.config import FeatureConfig
from pifr.recognition.hdlbp.features import (
    BINS,
    cell_indices,
    feature_count,
    lbp_features,
    resize_weights,
    uniform_patterns,
)
from pifr.recognition.hdlbp.points import grid_points, landmark_points, points_for

ONE = FeatureConfig(sizes_px=(16,), cell_px=4, cells=2)


def slow_pattern(grey, y, x):
    """The circle of eight neighbours, clockwise from the top left, as 0 and 1."""
    size = len(grey)
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    clip = lambda v: min(max(v, 0), size - 1)  # noqa: E731
    return [int(grey[clip(y + dy), clip(x + dx)] >= grey[y, x]) for dy, dx in ring]


def slow_bin(bits):
    """Uniform codes, in ascending order of the code, share 58 bins; the last takes the rest."""

    def changes(code):
        digits = [code >> k & 1 for k in range(8)]
        return sum(digits[k] != digits[k - 1] for k in range(8))

    uniform = [code for code in range(256) if changes(code) <= 2]
    code = sum(bit << k for k, bit in enumerate(bits))
    return uniform.index(code) if code in uniform else BINS - 1


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


def test_patterns_equal_the_definition():
    grey = np.random.default_rng(1).integers(0, 4, (2, 9, 9)).astype(np.float32)  # few levels, so that ties occur
    found = uniform_patterns(grey)
    for n in range(2):
        expected = [[slow_bin(slow_pattern(grey[n], y, x)) for x in range(9)] for y in range(9)]
        assert found[n].tolist() == expected


def test_there_are_58_uniform_patterns():
    assert len({slow_bin([code >> k & 1 for k in range(8)]) for code in range(256)}) == BINS == 59


def test_histograms_equal_a_count_in_loops(pixels):
    points = np.array([[0.5, 0.5], [0.1, 0.9]])
    grey = np.rint(pixels.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))
    codes = uniform_patterns(grey)
    found = lbp_features(pixels, points, ONE).reshape(3, 2, 2, 2, BINS)
    for p, (x, y) in enumerate(points):
        left, top = round(x * 16 - 4), round(y * 16 - 4)
        for row in range(2):
            for column in range(2):
                counts = np.zeros(BINS)
                for dy in range(4):
                    for dx in range(4):
                        at_y = min(max(top + 4 * row + dy, 0), 15)
                        at_x = min(max(left + 4 * column + dx, 0), 15)
                        counts[codes[1, at_y, at_x]] += 1
                np.testing.assert_allclose(found[1, p, row, column] ** 2, counts / 16, atol=1e-6)


def test_the_length_is_what_it_says_and_each_cell_sums_to_one(pixels):
    config = FeatureConfig(sizes_px=(16, 12, 8), cell_px=4, cells=2)
    features = lbp_features(pixels, grid_points(), config)
    assert features.shape == (3, feature_count(25, config)) == (3, 25 * 3 * 4 * 59)
    np.testing.assert_allclose((features.reshape(3, -1, BINS) ** 2).sum(axis=2), 1, rtol=1e-5)
    assert feature_count(25, FeatureConfig()) == 29_500
    assert feature_count(27, FeatureConfig(cells=4)) == 127_440  # the paper's number, with its 27 landmarks


def test_brightness_does_not_count(pixels):
    darker = pixels // 2 * 2 // 2
    grey = (pixels // 2).repeat(1, axis=0)
    assert lbp_features(grey, grid_points(), ONE).tolist() == lbp_features(darker, grid_points(), ONE).tolist()
    flat = pixels[..., :1].repeat(3, axis=3) // 4
    np.testing.assert_array_equal(lbp_features(flat, grid_points(), ONE), lbp_features(flat + 50, grid_points(), ONE))


def test_a_picture_does_not_depend_on_its_neighbours(pixels):
    config = FeatureConfig(sizes_px=(16, 12), cell_px=4, cells=2)
    together = lbp_features(pixels, grid_points(), config)
    for n in range(3):
        np.testing.assert_array_equal(lbp_features(pixels[n : n + 1], grid_points(), config)[0], together[n])


def test_resizing_is_close_to_pillows():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    weights = resize_weights(64, 45)
    found = weights @ picture.astype(np.float32) @ weights.T
    expected = np.asarray(Image.fromarray(picture).resize((45, 45), Image.Resampling.BILINEAR), float)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    assert np.abs(found - expected).mean() < 1.0


def test_cells_tile_a_patch_once():
    cells = cell_indices(np.array([[0.5, 0.5]]), 16, ONE)
    assert cells.shape == (4, 16)
    ys, xs = np.divmod(np.sort(cells.ravel()), 16)
    assert (set(ys), set(xs)) == (set(range(4, 12)), set(range(4, 12)))
    assert len(np.unique(cells)) == 64


def test_points_of_five_landmarks():
    five = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
    points = landmark_points(five)
    assert points.shape == (15, 2)
    assert [0.5, 0.0] in points.tolist()  # half-way between the first two


def manifest(tmp_path, **columns):
    import pandas as pd

    table = pd.DataFrame({"path": ["a", "b", "c"], "subject": ["1", "1", "2"], **columns})
    return make_manifest(table, tmp_path, "m.csv")


def test_where_points_come_from(tmp_path):
    assert points_for(manifest(tmp_path), 100)[1] == "a regular grid of 5 x 5 points"
    aligned = points_for(manifest(tmp_path, template="arcface-112"), 112)
    assert "arcface-112" in aligned[1]
    np.testing.assert_allclose(aligned[0][0] * 112, [38.2946, 51.6963])
    marks = {name: [10.0, 30.0, 90.0] for name in LANDMARK_COLUMNS}
    points, origin = points_for(manifest(tmp_path, yaw=[0, 10, 60], **marks), 100)
    assert origin == "mean landmarks of 2 pictures"  # the third is turned too far
    np.testing.assert_allclose(points, 0.2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sizes_px": [32, 8]}, "a patch of 16 px does not fit into 8 px"),
        ({"sizes_px": [32, 64]}, "starts with the largest"),
        ({"sizes_px": []}, "sizes_px"),
    ],
)
def test_impossible_settings_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        check_config(FeatureConfig, values, "test")
