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


def test_the_mean_of_scores_by_hand() -> None:
    # Shares 1/4 and 3/4 at -12 and 12.
    logits = torch.tensor([[0.0, -1e9, -1e9, -1e9, math.log(3)]])
    assert AngleBins(12.0, 6.0).mean(logits).item() == pytest.approx(6)


def test_the_likelier_of_two_far_guesses_is_told_and_both_widen_the_spread() -> None:
    bins = AngleBins(90.0, 6.0, label_std_degrees=1e-6)
    share = torch.zeros(1, bins.count)
    share[0, bins.centres(share) == 90], share[0, bins.centres(share) == -30] = 0.6, 0.4
    angle, spread = bins.decode(share)
    assert angle.item() == pytest.approx(90)
    assert spread.item() == pytest.approx(120 * math.sqrt(0.6 * 0.4), rel=1e-4)


def test_two_near_guesses_are_averaged() -> None:
    bins = AngleBins(90.0, 6.0, label_std_degrees=1e-6)
    share = torch.zeros(1, bins.count)
    share[0, bins.centres(share) == 12], share[0, bins.centres(share) == 24] = 0.5, 0.5
    assert bins.decode(share)[0].item() == pytest.approx(18)


@given(angle=st.floats(-90, 90))
def test_a_label_decodes_to_its_angle_without_spread(angle: float) -> None:
    mean, spread = YAW_BINS.decode(gaussian_logits(YAW_BINS, angle, YAW_BINS.label_std_degrees).softmax(1))
    assert mean.item() == pytest.approx(angle, abs=0.01)
    assert spread.item() < 0.5


def test_wider_distributions_have_the_spread_beyond_the_label() -> None:
    # Variances add: 10 degrees wide, of which 6 are the label's, leaves 8.
    _, spread = PITCH_BINS.decode(gaussian_logits(PITCH_BINS, 0.0, 10.0).softmax(1))
    assert spread.item() == pytest.approx(math.sqrt(10**2 - 6**2), abs=0.05)


def test_the_loss_is_least_at_the_truth() -> None:
    right = gaussian_logits(YAW_BINS, 40.0, YAW_BINS.label_std_degrees)
    losses = [YAW_BINS.loss(right, torch.tensor([angle])).item() for angle in (40.0, 43.0, 50.0, -40.0)]
    assert losses[0] == pytest.approx(0, abs=1e-3)
    assert losses == sorted(losses)
