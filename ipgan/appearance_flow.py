"""Detail carried over from the photograph: where in it each pixel of the new view is seen.

An identity code of a few hundred numbers can't hold eyelashes or the frame of a pair of glasses, and need not: what the
photograph shows is in the photograph. Beside its drawing the generator says, pixel by pixel, where in the photograph
that pixel is to be found (T. Zhou et al., "View synthesis by appearance flow", ECCV 2016) and how far to trust it (E.
Park et al., "Transformation-grounded image generation network for novel 3D view synthesis", CVPR 2017: what was hidden
is drawn). Who is shown and from where stays with the two codes; faces of codes alone are drawn without it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.blocks import EqualConv, EqualLinear, activate

_WIDTH = 32
_FIRST_TRUST = -1.0
"""Trust of a fresh flow before the sigmoid: 27 % of the photograph, little, since the flow points nowhere yet."""


class Photograph(NamedTuple):
    """Whose pixels may be carried over.

    Attributes:
        images: ``(B, 3, S, S)`` float32, -1..1.
        pose: ``(B, P)`` pose codes of these pictures.
    """

    images: Tensor
    pose: Tensor


class Laid(NamedTuple):
    """A photograph laid over drawings, each ``(B, 3, S, S)`` float32.

    Attributes:
        faces: The result.
        carried: The photograph alone, every pixel moved as the flow says, trusted or not. It has a loss of its own:
            where the drawing is trusted more, nothing else would teach the flow, and it would never be trusted.
    """

    faces: Tensor
    carried: Tensor


class AppearanceFlow(nn.Module):
    """Features of the drawing and the photograph's pose -> flow and trust.

    Args:
        channels: Of the features.
        pose_dim: Length of pose codes.
    """

    def __init__(self, channels: int, pose_dim: int) -> None:
        super().__init__()
        self.first = EqualConv(channels, _WIDTH, 3)
        self.pose = EqualLinear(pose_dim, 2 * _WIDTH)
        self.last = EqualConv(_WIDTH, 3, 3, gain=0.5)
        # It starts with the photograph unmoved, whatever is drawn.
        nn.init.zeros_(self.pose.weight)
        nn.init.zeros_(self.last.weight)

    def forward(self, drawn: Tensor, features: Tensor, photograph: Photograph) -> Laid:
        """Lay what the photograph shows over the drawing.

        Args:
            drawn: ``(B, 3, S, S)`` float32.
            features: ``(B, channels, S, S)`` that it was drawn from.
            photograph: Of the same people.

        Returns:
            The faces, and the photograph as the flow carries it.
        """
        scale, shift = self.pose(photograph.pose.to(features.dtype))[:, :, None, None].chunk(2, dim=1)
        x = activate(self.first(features) * (1 + scale) + shift)
        flow, trust = self.last(x).float().split([2, 1], dim=1)
        here = F.affine_grid(
            torch.eye(2, 3, device=drawn.device).expand(len(drawn), 2, 3), list(drawn.shape), align_corners=False
        )
        carried = F.grid_sample(
            photograph.images, here + flow.permute(0, 2, 3, 1), mode="bilinear", padding_mode="border",
            align_corners=False,
        )  # fmt: skip
        return Laid(torch.lerp(drawn, carried, torch.sigmoid(trust + _FIRST_TRUST)), carried)
