"""Layers that all four networks are made of.

Every layer computes in the number format of its input, while weights stay float32: one network runs in bfloat16 for
speed and in float32 for the gradient penalty, without a global switch.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.adain import adaptive_instance_norm

SLOPE = 0.2
"""Negative slope of all leaky ReLUs."""
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))
"""Gain of a layer before a leaky ReLU, so that the variance stays (He et al., ICCV 2015)."""
_HALF = math.sqrt(0.5)


class EqualLinear(nn.Module):
    """Linear layer with equalised learning rate: weights ~ N(0, 1), scaled at run time by 1 / sqrt(fan-in).

    Adam's steps are then equally large for all layers, whatever their width (Karras et al., ICLR 2018, section 4.1).

    Args:
        inputs: Features in.
        outputs: Features out.
        gain: Factor on the outputs' standard deviation.
        bias: Value the biases start with.
    """

    def __init__(self, inputs: int, outputs: int, gain: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale = gain / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, inputs)`` to ``(B, outputs)``."""
        return F.linear(x, (self.weight * self.scale).to(x.dtype), self.bias.to(x.dtype))


class EqualConv(nn.Module):
    """Convolution with equalised learning rate; see :class:`EqualLinear`.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel; the padding keeps the size.
        gain: Factor on the outputs' standard deviation.
        bias: Whether there is a bias.
        stride: Step of the kernel.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, gain: float = GAIN, bias: bool = True, stride: int = 1
    ) -> None:
        super().__init__()
        weight = torch.randn(outputs, inputs, kernel, kernel)
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = gain / math.sqrt(inputs * kernel * kernel)
        self.stride = stride
        self.padding = (kernel - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` to ``(B, outputs, H, W)``."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.conv2d(x, (self.weight * self.scale).to(x.dtype), bias, self.stride, self.padding)


class InstanceNorm(nn.Module):
    """Instance normalisation with a learned scale and shift a channel (Ulyanov et al., 2016).

    Args:
        channels: Number of channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(B, channels, H, W)``."""
        return adaptive_instance_norm(x, self.scale.expand(len(x), -1), self.shift.expand(len(x), -1))


class DownBlock(nn.Module):
    """Residual block that halves the side; pooling keeps it free of aliasing, and nothing looks across the batch.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        normalise: Whether the convolutions are normalised. The skip never is, so the strength of a feature, and with
            it the colour of the skin, gets through.
    """

    def __init__(self, inputs: int, outputs: int, normalise: bool) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3, bias=not normalise)
        self.second = EqualConv(inputs, outputs, 3, bias=not normalise)
        self.norms = nn.ModuleList([InstanceNorm(width) if normalise else nn.Identity() for width in (inputs, outputs)])
        self.skip = EqualConv(inputs, outputs, 1, gain=1.0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` to ``(B, outputs, H/2, W/2)``."""
        y = F.avg_pool2d(activate(self.norms[0](self.first(x))), 2)
        y = activate(self.norms[1](self.second(y)))
        return (y + self.skip(F.avg_pool2d(x, 2))) * _HALF


class Trunk(nn.Module):
    """The common body of both encoders and the discriminator: a strided stem, then down blocks to 4 x 4.

    Args:
        size_px: Side of the pictures.
        channel_base: Width; see :class:`ipgan.config.ModelConfig`.
        channel_max: Widest layer.
        normalise: Instance normalisation: encoders learn faster with it; a discriminator must see contrast, and its
            gradient penalty needs second derivatives.
    """

    def __init__(self, size_px: int, channel_base: int, channel_max: int, normalise: bool) -> None:
        super().__init__()
        sides = [side for side in (2**power for power in range(20, 1, -1)) if side < size_px]
        widths = [channels_at(side, channel_base, channel_max) for side in sides]
        self.stem = EqualConv(3, widths[0], 4, stride=2)
        self.blocks = nn.ModuleList(DownBlock(a, b, normalise) for a, b in pairwise(widths))
        self.outputs = widths[-1]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, S, S)`` to the features after each block, the last one ``(B, outputs, 4, 4)``."""
        features = [activate(self.stem(images))]
        for block in self.blocks:
            features.append(block(features[-1]))
        return features


class Styled(nn.Module):
    """Convolution, AdaIN by a style, activation (Huang and Belongie, ICCV 2017; the decoder of MUNIT, ECCV 2018).

    The normalisation matters: without it the same generator needed twice the steps for the same error.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        style_dim: Length of the style.
    """

    def __init__(self, inputs: int, outputs: int, style_dim: int) -> None:
        super().__init__()
        self.conv = EqualConv(inputs, outputs, 3, bias=False)
        self.scale = EqualLinear(style_dim, outputs, bias=1.0)
        self.shift = EqualLinear(style_dim, outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` and ``(B, style_dim)`` to ``(B, outputs, H, W)``."""
        return activate(adaptive_instance_norm(self.conv(x), self.scale(style), self.shift(style)))


class UpBlock(nn.Module):
    """Residual block that doubles the side.

    Up-sampling is bilinear, so every output pixel is made in the same way: the uneven overlap of strided transposed
    convolutions, which shows as a checkerboard, can't arise (Odena et al., Distill 2016).

    A convolution can't see where it is, and smooth up-sampling tells it little. So the block adds a learned map, the
    same for all faces, and, as long as the picture is small, draws ``drawn`` channels straight from the style: a
    linear sketch of the face, position by position, that the convolutions only have to refine.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        style_dim: Length of the style.
        side: Side of the output.
        drawn: Channels of the sketch; 0 for none.
    """

    def __init__(self, inputs: int, outputs: int, style_dim: int, side: int, drawn: int = 0) -> None:
        super().__init__()
        self.first = Styled(inputs, outputs, style_dim)
        self.second = Styled(outputs + drawn, outputs, style_dim)
        self.place = nn.Parameter(torch.zeros(1, outputs, side, side).contiguous(memory_format=torch.channels_last))
        self.sketch = EqualLinear(style_dim, drawn * side * side) if drawn else None
        self.side, self.drawn = side, drawn
        self.skip = EqualConv(inputs, outputs, 1, gain=1.0, bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Map ``(B, inputs, H, W)`` and ``(B, style_dim)`` to ``(B, outputs, 2H, 2W)``."""
        y = double(self.first(x, style)) + self.place.to(x.dtype)
        if self.sketch is not None:
            sketch = self.sketch(style).view(len(x), self.side, self.side, self.drawn).permute(0, 3, 1, 2)
            y = torch.cat([y, sketch], dim=1)
        y = self.second(y, style)
        return (y + double(self.skip(x))) * _HALF


class MinibatchStd(nn.Module):
    """Append the batch's standard deviation as one channel, so that a collapse to one face shows (ICLR 2018)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` to ``(B, C + 1, H, W)``."""
        spread = (x.float().var(dim=0, unbiased=False) + 1e-8).sqrt().mean().to(x.dtype)
        return torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], dim=1)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU."""
    return F.leaky_relu(x, SLOPE)


def double(x: Tensor) -> Tensor:
    """Double the side of ``(B, C, H, W)`` by bilinear interpolation."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def channels_at(side_px: int, base: int, maximum: int) -> int:
    """Return how many channels a layer of ``side_px`` x ``side_px`` has; see :class:`ipgan.config.ModelConfig`."""
    return max(8, min(maximum, base // side_px))
