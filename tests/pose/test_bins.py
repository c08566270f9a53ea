from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pifr.pose.bins import PITCH_BINS, YAW_BINS, AngleBins


def gaussian_logits(bins: AngleBins, angle: float, std: float) -> torch.Tensor:
    return (-0.5 * ((bins.centres(torch.zeros(1)) - angle) / std) ** 2)[None]


def test_counts_include_both_ends_and_zero() -> None:
    bins = AngleBins(12.0, 6.0)
    assert bins.count == 5
    assert bins.centres(torch.zeros(1)).tolist() == [-12, -6, 0, 6, 12]


def test_two_equal_peaks_give_their_middle_and_half_their_distance() -> None:
    bins = AngleBins(12.0, 6.0, label_std_degrees=1e-6)
    logits = torch.tensor([[0.0, -1e9, -1e9, -1e9, 0.0]])  # half at -12, half at 12
    mean, spread = bins.decode(logits)
    assert mean.item() == pytest.approx(0)
    assert spread.item() == pytest.approx(12)


@given(angle=st.floats(-90, 90))
def test_a_label_decodes_to_its_angle_without_spread(angle: float) -> None:
    mean, spread = YAW_BINS.decode(gaussian_logits(YAW_BINS, angle, YAW_BINS.label_std_degrees))
    assert mean.item() == pytest.approx(angle, abs=0.01)
    assert spread.item() < 0.5


def test_wider_distributions_have_the_spread_beyond_the_label() -> None:
    # Variances add: 10 degrees wide, of which 6 are the label's, leaves 8.
    _, spread = PITCH_BINS.decode(gaussian_logits(PITCH_BINS, 0.0, 10.0))
    assert spread.item() == pytest.approx(math.sqrt(10**2 - 6**2), abs=0.05)


def test_the_loss_is_least_at_the_truth() -> None:
    right = gaussian_logits(YAW_BINS, 40.0, YAW_BINS.label_std_degrees)
    losses = [YAW_BINS.loss(right, torch.tensor([angle])).item() for angle in (40.0, 43.0, 50.0, -40.0)]
    assert losses[0] == pytest.approx(0, abs=1e-3)
    assert losses == sorted(losses)
