"""What lies behind the head: the photograph with the head taken out, and which pixels of the head it reaches into."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from pifr.twin.noise import ramp

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_REACH = 1 / 6
"""How far from the head its surroundings count in full, as a share of the picture's side: hair stands off."""
_BAND = 0.14
"""How far inside the fitted head's outline the true one may lie, as a share of the side."""
_COLOUR = (14.0, 42.0)
"""Distance in RGB from the background at which a pixel begins to be the head's, and is."""
_NEARER = (0.20, 0.45)
"""The same for that distance as a share of its sum with the distance from the colour inside the outline."""
_LIKE_FACE = (15.0, 40.0)
"""Distance in RGB from the colour inside the outline up to which a pixel is the head's, and from which it may not."""
_DEEP = 0.8
_BLOCKS = 10


def without_head(pixels: Float32, head: Mask) -> Float32:
    """Spread the surroundings of the head over its place, smoothly.

    Pull and push over ever coarser pictures (Gortler et al., "The lumigraph", SIGGRAPH 1996, section 3.4). The
    farther from the head, the more a pixel counts, so that hair and ears that stand out of the model fade.

    Args:
        pixels: ``(S, S, 3)`` float32.
        head: ``(S, S)`` where the fitted head is.

    Returns:
        ``(S, S, 3)`` float32.
    """
    reach = max(2, round(len(head) * _REACH))
    weight = (_steps_to(head, reach) / np.float32(reach))[..., None] ** 2
    if not weight.any():
        return np.broadcast_to(pixels.mean(axis=(0, 1)), pixels.shape).astype(np.float32)
    return _pull_push(pixels * weight, weight)


def share_of_head(pixels: Float32, behind: Float32, head: Mask) -> Float32:
    """Return ``(S, S)`` how surely each pixel is the head's own, 0 to 1.

    A fitted head is never quite as wide as the true one; pixels near its outline in the colour of what lies behind
    must not end up on the turned head.

    Args:
        pixels: ``(S, S, 3)`` float32.
        behind: What :func:`without_head` gives.
        head: ``(S, S)`` where the fitted head is.
    """
    band = max(2, round(len(head) * _BAND))
    # Beyond the picture's edge the head goes on.
    depth = (_steps_to(~head, band) / band).astype(np.float32)
    deep = (depth > _DEEP).astype(np.float32)[..., None]
    if not deep.any():
        return head.astype(np.float32)
    inner = _distance(pixels, _pull_push(pixels * deep, deep))
    outer = np.minimum(_distance(pixels, behind), _distance_to_palette(pixels, head))
    nearer = (outer / np.maximum(outer + inner, 1.0)).astype(np.float32)
    unlike = ramp(outer, *_COLOUR) * ramp(nearer, *_NEARER)
    unlike = np.maximum(unlike, 1.0 - ramp(inner, *_LIKE_FACE))
    sure = np.maximum(unlike, ramp(depth, _DEEP, 1.0))
    cross = ndimage.generate_binary_structure(2, 1)
    return ndimage.minimum_filter(sure, footprint=cross, mode="nearest") * head


def _distance(pixels: Float32, others: Float32) -> Float32:
    difference = pixels - others
    return np.sqrt((difference * difference).sum(axis=-1))


def _distance_to_palette(pixels: Float32, head: Mask) -> Float32:
    """Return ``(S, S)`` the distance to the nearest colour around the head, each the mean of one block of pixels."""
    block = max(2, len(head) // _BLOCKS)
    side = len(head) // block * block
    outside = (~head[:side, :side]).reshape(side // block, block, -1, block).all(axis=(1, 3))
    means = pixels[:side, :side].reshape(side // block, block, -1, block, 3).mean(axis=(1, 3))[outside]
    nearest = np.full(head.shape, np.inf, dtype=np.float32)
    for colour in means:
        nearest = np.minimum(nearest, _distance(pixels, colour))
    return nearest


def _steps_to(mask: Mask, most: int) -> Float32:
    """Return ``(S, S)`` how many steps to the four sides lead to the mask, at most ``most``."""
    steps = ndimage.distance_transform_cdt(~mask, metric="taxicab")
    return np.where(steps < 0, most, np.minimum(steps, most)).astype(np.float32)  # -1 where the mask is empty


def _pull_push(weighted: Float32, weight: Float32) -> Float32:
    """Return colours ``(H, W, 3)`` everywhere from colours times weight, and weight ``(H, W, 1)``."""
    height, width = weight.shape[:2]
    colour = weighted / np.maximum(weight, 1e-6)
    if min(height, width) <= 1:
        mean = weighted.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return np.where(weight > 1e-3, colour, mean).astype(np.float32)
    coarse_weighted, coarse_weight = _halved(weighted), _halved(weight)
    top = np.maximum(coarse_weight, np.float32(1.0))
    coarse = _pull_push((coarse_weighted / top).astype(np.float32), (coarse_weight / top).astype(np.float32))
    share: Float32 = np.minimum(weight, np.float32(1.0))
    return share * colour + (1.0 - share) * _doubled(coarse, height, width)


def _halved(values: Float32) -> Float32:
    """Add each two by two pixels, the last row or column twice where there is an odd one."""
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]


def _doubled(values: Float32, height: int, width: int) -> Float32:
    """Draw a picture at twice its size, linearly between its pixels."""
    for axis, count in ((0, height), (1, width)):
        place = np.clip((np.arange(count) + 0.5) / 2 - 0.5, 0, values.shape[axis] - 1)
        low = place.astype(np.int32)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = (place - low).astype(np.float32).reshape([-1 if axis == a else 1 for a in range(3)])
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values
