"""Between uint8 pictures and the tensors a model sees: scaling, channel order, memory layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pifr.core.errors import DataError
from pifr.data.spec import InputSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def to_input(pixels: np.ndarray | Tensor, spec: InputSpec, device: torch.device | str = "cpu") -> Tensor:
    """Scale pictures for a model: ``(pixel - mean) / std``.

    Args:
        pixels: ``(B, S, S, 3)`` uint8 RGB.
        spec: What the model expects; S must be its ``size_px``.
        device: Where to put the tensor; bytes travel there, not floats.

    Returns:
        ``(B, 3, S, S)`` float32 in channels-last layout, in the spec's channel order.

    Raises:
        DataError: If the pictures have another shape or type.
    """
    import torch

    shape = tuple(pixels.shape)
    if len(shape) != 4 or shape[1:] != (spec.size_px, spec.size_px, 3) or "uint8" not in str(pixels.dtype):
        raise DataError(
            f"the model takes uint8 pictures of {spec.size_px} x {spec.size_px} x 3", found=f"{pixels.dtype} {shape}"
        )
    if isinstance(pixels, np.ndarray):
        # torch warns of read-only arrays, which memory-mapped pictures are: copy only those.
        pixels = torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy())
    images = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2)
    if spec.channels == "BGR":
        images = images.flip(1)
    scaled = images.float().sub_(spec.mean).div_(spec.std)
    return scaled.contiguous(memory_format=torch.channels_last)


def to_pixels(images: Tensor, spec: InputSpec) -> np.ndarray:
    """Undo :func:`to_input`: round to 0..255 and clip.

    Args:
        images: ``(B, 3, S, S)`` in the spec's scale and channel order.
        spec: The scale.

    Returns:
        ``(B, S, S, 3)`` uint8 RGB on the CPU.
    """
    import torch

    values = images.detach().float() * spec.std + spec.mean
    if spec.channels == "BGR":
        values = values.flip(1)
    return values.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()
