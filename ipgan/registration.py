"""True views moved to where the generated face lies, so that nobody pays for how a picture happened to be cut.

Pictures are cut by landmarks, and landmarks are found a little off: in the rendered room as in photographs, two
pictures of one head are displaced by about a pixel for no reason that source or driver could tell. An L1 loss
averages over what it can't predict, and the average of displaced eyes is a blurred eye. So the displacement is
estimated and taken out first (as in the registered losses of super-resolution from real pairs: Zhang et al., CVPR
2019; Elezabi et al., ECCV Workshops 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_FACTORS = (4, 2, 1)
"""Reductions at which the displacement is found, coarse to fine."""
_TRUST = 0.9
"""Share of the displacement that is taken out: what is left holds the generator where faces lie on average."""
_MARGIN = 0.1
"""Share of the side that is left out at each border, where a moved picture shows nothing new."""


@torch.no_grad()
def register(targets: Tensor, images: Tensor, limit: float) -> Tensor:
    """Move each true view to where the generated face lies.

    Args:
        targets: ``(B, 3, S, S)`` true views, -1..1.
        images: ``(B, 3, S, S)`` generated faces.
        limit: A picture is moved by no more than this in x and y, as a share of the side; 0 moves none.

    Returns:
        ``(B, 3, S, S)``; no gradient flows through.
    """
    if limit == 0 or not len(targets):
        return targets
    return shifted(targets, _TRUST * find_shift(targets, images, limit))


@torch.no_grad()
def find_shift(targets: Tensor, images: Tensor, limit: float) -> Tensor:
    """Find by how far each ``targets`` picture must move to match ``images`` best.

    One Gauss-Newton step at each of three sizes (Lucas & Kanade, IJCAI 1981; Bergen et al., ECCV 1992).

    Args:
        targets: ``(B, 3, S, S)``.
        images: ``(B, 3, S, S)``.
        limit: Largest shift, as a share of the side.

    Returns:
        ``(B, 2)`` to the right and down, as shares of the side.
    """
    targets, images = targets.float(), images.float()
    shift = torch.zeros(len(targets), 2, device=targets.device)
    for factor in _FACTORS:
        if targets.shape[-1] // factor < 8:
            continue
        moved = F.avg_pool2d(shifted(targets, shift), factor)
        wanted = F.avg_pool2d(images, factor)
        shift = (shift + _step(moved, wanted)).clamp(-limit, limit)
    return shift


def shifted(images: Tensor, shift: Tensor) -> Tensor:
    """Move ``(B, 3, S, S)`` by ``(B, 2)`` shares of the side, to the right and down; borders are drawn out."""
    places = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
    places[:, :, 2] = -2 * shift
    grid = F.affine_grid(places, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return moved.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _step(images: Tensor, wanted: Tensor) -> Tensor:
    """Return ``(B, 2)``, the least-squares shift of ``images`` towards ``wanted``, to first order."""
    side = images.shape[-1]
    border = max(1, round(_MARGIN * side))
    inner = slice(border, side - border)
    # Moving by d takes d * slope away; slopes are those of both pictures, which settles faster than one's.
    both = 0.5 * (images + wanted)
    right = (both[..., inner, border + 1 : side - border + 1] - both[..., inner, border - 1 : side - border - 1]) / 2
    down = (both[..., border + 1 : side - border + 1, inner] - both[..., border - 1 : side - border - 1, inner]) / 2
    slopes = torch.stack([right.flatten(1), down.flatten(1)], dim=1)
    missing = (images - wanted)[..., inner, inner].flatten(1)
    normal = slopes @ slopes.transpose(1, 2)
    # Flat pictures have no slopes to go by; they stay where they are.
    normal = normal + 1e-3 * slopes.shape[2] / 3 * torch.eye(2, device=images.device)
    # Unlike solve it never raises: what is not finite is for the optimizer to skip.
    step: Tensor = torch.linalg.solve_ex(normal, slopes @ missing[:, :, None])[0][:, :, 0]
    return step / side
