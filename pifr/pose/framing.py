"""Cutting random windows out of rendered pictures, and what that does to the angles."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from pifr.pose.config import AugmentationConfig
from pifr.pose.draws import uniform


def cut_windows(
    images: Tensor, angles: Tensor, size_px: int, config: AugmentationConfig, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Cut one random window out of each picture: another scale, place, roll, and a mirror image half the time.

    Args:
        images: ``(B, 3, H, H)`` in [0, 1].
        angles: ``(B, 2)`` yaw and pitch in degrees.
        size_px: Side S of the windows.
        config: How much may change.
        generator: A CPU generator.

    Returns:
        ``(B, 3, S, S)`` windows and ``(B, 2)`` their angles.
    """
    draws = uniform(images, 8, generator)
    low, high = math.log(config.smallest_window), math.log(config.largest_window)
    side = torch.exp(low + (high - low) * (draws[:, 0] + 1) / 2)
    roll = draws[:, 1] * math.radians(config.roll_degrees)
    stretch = torch.exp(draws[:, 2] * math.log1p(config.stretch) / 2)
    mirror = torch.where(draws[:, 3] < 0, -1.0, 1.0)
    shift = draws[:, 4:6] * config.shift * 2 * side[:, None]  # grid coordinates run from -1 to 1
    margin = (1 - side).clamp(min=0) * config.towards_face * (draws[:, 7] + 1) / 2
    shift[:, 0] += margin * torch.sin(torch.deg2rad(angles[:, 0]))

    cosine, sine = torch.cos(roll) * side, torch.sin(roll) * side
    across = torch.stack([mirror * cosine * stretch, -sine / stretch, shift[:, 0]], dim=1)
    down = torch.stack([mirror * sine * stretch, cosine / stretch, shift[:, 1]], dim=1)
    grid = F.affine_grid(torch.stack([across, down], dim=1), [len(images), 3, size_px, size_px], align_corners=False)
    windows = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    outside = (grid.abs() > 1).any(-1)[:, None] & (draws[:, 6] < 0)[:, None, None, None]
    colour = torch.rand(len(images), 3, 1, 1, generator=generator).to(images.device)
    # The window leans clockwise by `roll` over the picture, so the face leans anticlockwise in the window.
    turned = roll_angles(angles, roll)
    return torch.where(outside, colour, windows), torch.stack([turned[:, 0] * mirror, turned[:, 1]], dim=1)


def roll_angles(angles: Tensor, roll_radians: Tensor) -> Tensor:
    """Return yaw and pitch after the picture was turned in its plane.

    The nose points along ``(sin yaw cos pitch, sin pitch, cos yaw cos pitch)``: right, up, to the camera. A turn of
    the picture turns the first two; at a profile it makes pitch out of roll.

    Args:
        angles: ``(B, 2)`` yaw and pitch in degrees.
        roll_radians: ``(B,)`` anticlockwise.

    Returns:
        ``(B, 2)`` degrees.
    """
    yaw, pitch = torch.deg2rad(angles).unbind(1)
    right, up, near = torch.sin(yaw) * torch.cos(pitch), torch.sin(pitch), torch.cos(yaw) * torch.cos(pitch)
    cosine, sine = torch.cos(roll_radians), torch.sin(roll_radians)
    right, up = cosine * right - sine * up, sine * right + cosine * up
    return torch.rad2deg(torch.stack([torch.atan2(right, near), torch.asin(up.clamp(-1, 1))], dim=1))
