"""Adaptive instance normalisation with its backward pass written out.

Composed of torch's own pieces it costs more than the convolution before it, since each piece reads and writes the whole
feature map. Normalising and styling together are one affine map a channel, so three passes forward and five backward
are enough.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_EPSILON = 1e-5


class _AdaptiveInstanceNorm(torch.autograd.Function):
    """``y = scale (x - mean) / std + shift`` over each sample's channels; statistics in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        mean = x.mean(dim=(2, 3), dtype=torch.float32)
        power = torch.linalg.vector_norm(x, dim=(2, 3), dtype=torch.float32).square() / x.shape[2:].numel()
        inverse_std = ((power - mean.square()).clamp_min(0) + _EPSILON).rsqrt()
        factor = scale.float() * inverse_std
        ctx.save_for_backward(x, mean, inverse_std, factor)
        return torch.addcmul(_spread(shift.float() - mean * factor, x), x, _spread(factor, x))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, mean, inverse_std, factor = ctx.saved_tensors
        (gradient,) = gradients
        count = x.shape[2:].numel()
        for_shift = gradient.sum(dim=(2, 3), dtype=torch.float32)
        for_scale = inverse_std * ((gradient * x).sum(dim=(2, 3), dtype=torch.float32) - mean * for_shift)
        # With z = (x - mean) / std: dL/dx = factor (g - mean(g) - z mean(g z)), sorted by what multiplies g, x and 1.
        slope = -factor * inverse_std * for_scale / count
        constant = -factor * for_shift / count - slope * mean
        partly = torch.addcmul(_spread(constant, x), x, _spread(slope, x))
        for_x = torch.addcmul(partly, gradient, _spread(factor, x))
        return for_x, for_scale.to(factor.dtype), for_shift.to(factor.dtype)


def adaptive_instance_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Normalise each channel of each sample, then scale and shift it.

    Args:
        x: ``(B, C, H, W)``.
        scale: ``(B, C)``.
        shift: ``(B, C)``.

    Returns:
        ``(B, C, H, W)`` in the format of ``x``.
    """
    return _AdaptiveInstanceNorm.apply(x, scale.float(), shift.float())


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.to(like.dtype)[:, :, None, None]
