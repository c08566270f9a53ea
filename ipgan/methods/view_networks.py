"""Networks shared by the generators that learn views as classes; same layers and channels as IP-GAN's."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.blocks import GAIN, EqualLinear, Trunk, activate
from ipgan.config import ModelConfig
from ipgan.generator import Generator


class CodeEncoder(nn.Module):
    """Residual encoder x -> code, without a norm, and some further numbers read off the same features.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
        others: How many further numbers.
    """

    def __init__(self, config: ModelConfig, size_px: int, others: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.encoder_channel_base, config.channel_max, normalise=True)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 2 * config.identity_dim, gain=GAIN)
        self.code_head = EqualLinear(2 * config.identity_dim, config.identity_dim)
        self.other_head = EqualLinear(2 * config.identity_dim, others)

    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode ``(B, 3, S, S)``: code ``(B, F)`` and further numbers ``(B, others)``, float32."""
        hidden = activate(self.hidden(self.trunk(images)[-1].flatten(1)))
        return self.code_head(hidden).float(), self.other_head(hidden).float()

    @torch.no_grad()
    def centre(self, images: Tensor, spread: float) -> None:
        """Shift and scale fresh codes of ``(B, 3, S, S)`` to mean 0 and a standard deviation of ``spread``.

        Fresh networks give all faces nearly one code; see :meth:`ipgan.identity_encoder.IdentityEncoder.centre`.
        """
        codes, _ = self.read(images)
        mean = codes.mean(dim=0)
        factor = spread / (codes - mean).square().mean().sqrt().clamp_min(1e-6)
        self.code_head.weight.mul_(factor)
        self.code_head.bias.copy_((self.code_head.bias - mean) * factor)


class View(NamedTuple):
    """What a view head says of a batch.

    Attributes:
        logits: ``(B, K)``.
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """Shares of the views ``(B, K)``: the pose code of a picture to imitate."""
        return F.softmax(self.logits, dim=1)


class ViewEncoder(nn.Module):
    """Small residual classifier of views, of the size of IP-GAN's pose encoder.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.pose_channel_base, config.channel_max, normalise=True)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 128, gain=GAIN)
        self.head = EqualLinear(128, config.pose_dim)

    def forward(self, images: Tensor) -> View:
        """Classify ``(B, 3, S, S)``."""
        return View(self.head(activate(self.hidden(self.trunk(images)[-1].flatten(1)))).float())


class ViewGenerator(nn.Module):
    """IP-GAN's generator fed with a code, a view and noise, its pictures bounded as both papers bound theirs.

    Without a bound the generator runs off: a young critic that slopes toward bright pictures is followed beyond white,
    and the reconstruction rises with it.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
        code_gain: Brings the entries of identity codes to a mean square of 1.
    """

    def __init__(self, config: ModelConfig, size_px: int, code_gain: float) -> None:
        super().__init__()
        inputs = config.model_copy(update={"pose_dim": config.pose_dim + config.noise_dim})
        self.draw = Generator(inputs, size_px)
        self.draw.identity_gain = code_gain
        self.noise_dim = config.noise_dim
        self.view_gain = config.pose_dim**0.5

    def forward(
        self, identity: Tensor, pose: Tensor, dtype: torch.dtype = torch.float32, noise: Tensor | None = None
    ) -> Tensor:
        """Draw faces.

        Args:
            identity: ``(B, F)``.
            pose: ``(B, K)`` shares of the views.
            dtype: Number format to compute in.
            noise: ``(B, noise_dim)``; 0, its mean, where left out, so that inference draws one face of one code.

        Returns:
            ``(B, 3, S, S)`` float32, -1..1.
        """
        if noise is None:
            noise = torch.zeros(len(identity), self.noise_dim, device=identity.device)
        faces: Tensor = self.draw(identity, torch.cat([pose * self.view_gain, noise], dim=1), dtype)
        return faces.tanh()


class HeadedDiscriminator(nn.Module):
    """Residual discriminator with two linear heads; no statistic of the batch, so each picture is judged alone.

    Args:
        config: Sizes.
        size_px: Side of the pictures.
        hidden: Width of the features under the heads.
        first: Outputs of the first head.
        normalise: Instance normalisation in place of the paper's batch normalisation; not where a gradient penalty asks
            for second derivatives.
    """

    def __init__(self, config: ModelConfig, size_px: int, hidden: int, first: int, normalise: bool) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.discriminator_channel_base, config.channel_max, normalise)
        self.hidden = EqualLinear(self.trunk.outputs * 16, hidden, gain=GAIN)
        self.first_head = EqualLinear(hidden, first)
        self.view_head = EqualLinear(hidden, config.pose_dim)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Judge ``(B, 3, S, S)``: first head ``(B, first)`` and view logits ``(B, K)``, float32."""
        hidden = activate(self.hidden(self.trunk(images)[-1].flatten(1)))
        return self.first_head(hidden).float(), self.view_head(hidden).float()
