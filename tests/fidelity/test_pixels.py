import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.fidelity.pixels import mean_absolute_error, psnr_db, ssim


def ssim_by_loop(first, second):
    """Wang et al. 2004, window by window."""
    place = np.arange(11) - 5
    window = np.exp(-(place[:, None] ** 2 + place[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    x, y = (side @ np.array([0.299, 0.587, 0.114]) for side in (first.astype(float), second.astype(float)))
    found = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (side[top : top + 11, left : left + 11] for side in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            var_a, var_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            found.append(
                (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )  # fmt: skip
    return np.mean(found)


@pytest.fixture
def pair():
    random = np.random.default_rng(0)
    first = random.integers(0, 256, (2, 15, 13, 3), dtype=np.uint8)
    second = np.clip(first.astype(int) + random.integers(-60, 60, first.shape), 0, 255).astype(np.uint8)
    return first, second


def test_ssim_equals_the_formula_window_by_window(pair):
    first, second = pair
    assert ssim(first, second) == pytest.approx([ssim_by_loop(a, b) for a, b in zip(first, second, strict=True)])
    assert ssim(first, first) == pytest.approx([1, 1])
    assert (ssim(first, second) < 0.99).all()


def test_l1_and_psnr_by_hand():
    black = np.zeros((1, 4, 4, 3), np.uint8)
    grey = np.full_like(black, 51)
    assert mean_absolute_error(black, grey) == pytest.approx([0.2])
    assert mean_absolute_error(grey, black) == pytest.approx([0.2])
    assert psnr_db(black, grey) == pytest.approx([20 * np.log10(5)])
    assert psnr_db(grey, grey) == pytest.approx([58.92], abs=0.01)  # finite: JSON has no infinity


def test_pictures_that_can_not_be_compared(pair):
    with pytest.raises(DataError, match="SSIM needs pictures of 11 pixels"):
        ssim(pair[0][:, :8], pair[1][:, :8])
    with pytest.raises(DataError, match="of one shape"):
        mean_absolute_error(pair[0], pair[1][:, :8])
