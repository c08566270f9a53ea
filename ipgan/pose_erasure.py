"""Taking the pose out of an identity encoder, from pictures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ipgan.erasure import leace, pose_concept, yaw_concept
from ipgan.methods.ipgan import IPGANRotation
from ipgan.rotation import Rotation

_LEAST_CORRELATION = 0.2
"""Below this a direction is not worth erasing; ``benchmarks/code_leakage.py --of erasure`` tells what it costs and
brings (docs/ipgan.md)."""


@torch.no_grad()
def erase_pose(
    rotation: Rotation, images: Iterable[Tensor], yaw_degrees: np.ndarray, conditions: np.ndarray | None,
    dtype: torch.dtype,
) -> None:  # fmt: skip
    """Edit an identity encoder so that a linear probe reads little of the pose off its codes.

    Args:
        rotation: IP-GAN's networks; changed.
        images: Batches ``(B, 3, S, S)`` of training pictures, N together.
        yaw_degrees: ``(N,)`` their yaw, NaN where unknown.
        conditions: ``(N,)`` which light and session each was taken in, see :func:`ipgan.erasure.yaw_concept`; None
            treats all alike.
        dtype: Number format of the networks.
    """
    assert isinstance(rotation, IPGANRotation)
    encoder, known = rotation.identity_encoder, bool(np.isfinite(yaw_degrees).all())
    found, poses = [], []
    for batch in images:  # one by one: thousands of pictures need not lie in memory together
        found.append(encoder.raw(batch.to(dtype)))
        if not known:
            poses.append(rotation.pose_encoder(batch.to(dtype)).mean)
    codes = torch.cat(found)
    concept = yaw_concept(yaw_degrees, conditions) if known else pose_concept(torch.cat(poses).cpu().numpy())
    least = 0.0
    if known and conditions is not None:
        # Many columns and few pictures make correlations of about this size by chance.
        chance = (codes.shape[1] ** 0.5 + concept.shape[1] ** 0.5) / len(codes) ** 0.5
        least = max(_LEAST_CORRELATION, chance)
    values = leace(codes.cpu().numpy(), concept, least)
    encoder.edit(*(torch.from_numpy(value).float().to(codes.device) for value in values))
