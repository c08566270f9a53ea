from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.seeds import torch_generator
from pifr.pose.config import AugmentationConfig
from pifr.pose.framing import cut_windows, roll_angles
from pifr.twin.geometry import head_angles, head_rotation

STILL = {"smallest_window": 1.0, "largest_window": 1.0, "shift": 0.0, "towards_face": 0.0, "roll_degrees": 0.0,
         "stretch": 0.0}  # fmt: skip


def ramp(count: int) -> torch.Tensor:
    """Pictures that brighten from left to right."""
    return torch.linspace(0, 1, 32).expand(count, 3, 32, 32).clone()


@given(yaw=st.floats(-85, 85), pitch=st.floats(-30, 30), roll=st.floats(-40, 40))
def test_rolled_angles_are_those_of_the_rolled_head(yaw: float, pitch: float, roll: float) -> None:
    # Turning the picture by `roll` multiplies the head's rotation from the left by a turn about the camera's axis.
    expected = head_angles(head_rotation(0, 0, roll) @ head_rotation(yaw, pitch, 0))[:2]
    found = roll_angles(torch.tensor([[yaw, pitch]], dtype=torch.float64), torch.tensor([np.radians(roll)]))
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-6)


def test_a_profile_turns_roll_into_pitch() -> None:
    found = roll_angles(torch.tensor([[90.0, 0.0]]), torch.tensor([np.radians(10.0)], dtype=torch.float32))
    assert found[0].tolist() == pytest.approx([90.0, 10.0], abs=1e-3)


def test_mirrored_windows_have_the_other_yaw() -> None:
    angles = torch.tensor([[30.0, 5.0]]).repeat(40, 1)
    windows, found = cut_windows(ramp(40), angles, 32, AugmentationConfig(**STILL), torch_generator(3))
    brighter_right = windows[:, 0, 16, -1] > windows[:, 0, 16, 0]
    assert 5 < brighter_right.sum() < 35
    assert torch.allclose(found[:, 0], torch.where(brighter_right, 30.0, -30.0), atol=1e-3)
    assert torch.allclose(found[:, 1], torch.full((40,), 5.0), atol=1e-3)
    assert torch.allclose(windows[brighter_right], ramp(1), atol=1e-5)


def test_small_windows_show_the_middle() -> None:
    config = AugmentationConfig(**STILL | {"smallest_window": 0.5, "largest_window": 0.5})
    windows, _ = cut_windows(ramp(20), torch.zeros(20, 2), 16, config, torch_generator(0))
    span = (windows[:, 0, 8, -1] - windows[:, 0, 8, 0]).abs()
    # Half of 0..1, less half a target pixel on either side: 15 steps of 1/31.
    assert torch.allclose(span, torch.full((20,), 15 / 31), atol=1e-3)


def test_small_windows_follow_the_face_within_the_margin() -> None:
    config = AugmentationConfig(**STILL | {"smallest_window": 0.5, "largest_window": 0.5, "towards_face": 1.0})
    yaws = torch.tensor([90.0, 30.0, 0.0, -90.0]).repeat_interleave(40)
    windows, _ = cut_windows(ramp(160), torch.stack([yaws, torch.zeros(160)], 1), 16, config, torch_generator(0))
    middles = windows[:, 0, 8].mean(1).reshape(4, 40)  # 0.5 in the picture's middle; the margin is 0.25 on each side
    expected = torch.tensor([[0.5, 0.75], [0.5, 0.625], [0.5, 0.5], [0.25, 0.5]])
    found = torch.stack([middles.amin(1), middles.amax(1)], dim=1)
    assert torch.allclose(found, expected, atol=0.02)


def test_rolled_pictures_lean_as_their_angles_say() -> None:
    # A bright line from the middle to the right is where a nose at profile points. In the window it must lie as
    # high as the new pitch says.
    images = torch.zeros(30, 3, 65, 65)
    images[:, :, 32, 40:60] = 1
    config = AugmentationConfig(**STILL | {"roll_degrees": 30.0})
    windows, angles = cut_windows(images, torch.tensor([[90.0, 0.0]]).repeat(30, 1), 65, config, torch_generator(1))
    inside = windows[:, 0] * (
        torch.hypot(*torch.meshgrid(torch.arange(65.0) - 32, torch.arange(65.0) - 32, indexing="ij")) < 29
    )
    heights = 32 - (inside.sum(2) * torch.arange(65)).sum(1) / inside.sum((1, 2))
    expected = 17.5 * torch.sin(torch.deg2rad(angles[:, 1]))
    assert angles[:, 1].abs().max() > 15
    assert torch.allclose(heights, expected, atol=1.0)


def test_beyond_the_edge_there_is_the_border_or_one_colour() -> None:
    config = AugmentationConfig(**STILL | {"largest_window": 2.0})
    windows, _ = cut_windows(torch.full((40, 3, 32, 32), 0.5), torch.zeros(40, 2), 32, config, torch_generator(5))
    kept = torch.isclose(windows, torch.tensor(0.5)).flatten(1).all(1)
    assert 5 < kept.sum() < 35
    assert torch.allclose(windows[:, :, 16, 16], torch.tensor(0.5))
