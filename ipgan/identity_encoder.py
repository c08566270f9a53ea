"""Who is it: a picture becomes a point on the unit sphere."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.blocks import GAIN, EqualLinear, Trunk, activate
from ipgan.config import ModelConfig
from pifr.backbones import FeatureTap, create_backbone

_GLANCE_PX = 16


class Identity(NamedTuple):
    """What the encoder says of a batch.

    Attributes:
        code: ``(B, F)``, unit norm, float32.
        features: Feature maps of the two last but one scales, for the identity loss on features.
    """

    code: Tensor
    features: tuple[Tensor, ...]


class IdentityEncoder(nn.Module):
    """Residual encoder x -> f.

    The last 4 x 4 features are flattened, not pooled: where something is belongs to who someone is. Normalised and
    pooled five times over, they tell positions badly, so the code also gets a glance at the bare picture at 16 px,
    through one linear map that starts silent. Whether it helps is not shown: in the run behind ``twin-64`` the code
    told the features' horizontal places no better with it than before (benchmarks/code_leakage.py, docs/ipgan.md).

    Args:
        config: Sizes.
        size_px: Side of the pictures.
    """

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        self.trunk = Trunk(size_px, config.encoder_channel_base, config.channel_max, normalise=True)
        self.hidden = EqualLinear(self.trunk.outputs * 16, 2 * config.identity_dim, gain=GAIN)
        self.head = EqualLinear(2 * config.identity_dim, config.identity_dim)
        self.glance = EqualLinear(3 * _GLANCE_PX**2, 2 * config.identity_dim, gain=GAIN)
        nn.init.zeros_(self.glance.weight)

    def forward(self, images: Tensor) -> Identity:
        """Encode ``(B, 3, S, S)``."""
        features = self.trunk(images)
        code = self.head(self._summary(images, features))
        return Identity(F.normalize(code.float(), dim=1), tuple(features[-3:-1]))

    def raw(self, images: Tensor) -> Tensor:
        """Return codes ``(B, F)`` before they are scaled to unit norm."""
        code: Tensor = self.head(self._summary(images, self.trunk(images))).float()
        return code

    @torch.no_grad()
    def edit(self, matrix: Tensor, offset: Tensor) -> None:
        """Fold ``x -> matrix x + offset`` into the last layer: nothing is added to the network."""
        self.head.weight.copy_(matrix @ self.head.weight)
        self.head.bias.copy_(matrix @ self.head.bias + offset)

    @torch.no_grad()
    def centre(self, images: Tensor) -> None:
        """Shift and scale the head so that the codes of ``(B, 3, S, S)`` have mean 0 and spread 1 before normalising.

        Fresh networks give all faces nearly one code (cosine 0.7 and more), and learning starts slowly: what tells
        people apart is then a small part of a large vector. Called once, before the first step (data-dependent
        initialisation, Kraehenbuehl et al., ICLR 2016).
        """
        codes = self.raw(images)
        mean = codes.mean(dim=0)
        spread = (codes - mean).square().mean().sqrt().clamp_min(1e-6)
        self.head.weight.div_(spread)
        self.head.bias.copy_((self.head.bias - mean) / spread)

    def _summary(self, images: Tensor, features: list[Tensor]) -> Tensor:
        small = F.adaptive_avg_pool2d(images.float(), _GLANCE_PX).flatten(1)
        # Alike in any exposure.
        small = F.layer_norm(small, small.shape[1:], eps=1e-3).to(images.dtype)
        return activate(self.hidden(features[-1].flatten(1)) + self.glance(small))


class BackboneIdentity(nn.Module):
    """A recogniser as identity encoder: its embedding, after an affine map that erasure may write to, is the code.

    Args:
        config: Names the backbone's shape.
        size_px: Side of the pictures.
    """

    matrix: Tensor
    offset: Tensor

    def __init__(self, config: ModelConfig, size_px: int) -> None:
        super().__init__()
        assert config.identity_backbone is not None
        shape = config.identity_backbone
        self.backbone = create_backbone(shape.name, size_px, shape.embedding_dim, shape.width, shape.dropout)
        self.register_buffer("matrix", torch.eye(shape.embedding_dim))
        self.register_buffer("offset", torch.zeros(shape.embedding_dim))
        self._tap = FeatureTap(self.backbone, [size_px // 8, size_px // 4])
        self.train(False)  # fresh modules are in training mode, and nobody need ever call train()

    def forward(self, images: Tensor) -> Identity:
        """Encode ``(B, 3, S, S)``."""
        embedding, features = self._recognise(images)
        return Identity(F.normalize(self._mapped(embedding), dim=1), features)

    def raw(self, images: Tensor) -> Tensor:
        """Return codes ``(B, D)`` before they are scaled to unit norm."""
        return self._mapped(self._recognise(images)[0])

    @torch.no_grad()
    def edit(self, matrix: Tensor, offset: Tensor) -> None:
        """Apply ``x -> matrix x + offset`` to all codes from now on."""
        self.offset.copy_(matrix @ self.offset + offset)
        self.matrix.copy_(matrix @ self.matrix)

    def centre(self, images: Tensor) -> None:
        """Do nothing: a trained recogniser's embeddings are centred."""

    def train(self, mode: bool = True) -> BackboneIdentity:
        """Keep batch statistics and dropout as at inference, fine-tuned or not."""
        return super().train(False)

    def _recognise(self, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        dtype = images.dtype
        with torch.autocast(images.device.type, dtype=dtype, enabled=dtype != torch.float32):
            return self._tap(images.float())

    def _mapped(self, embedding: Tensor) -> Tensor:
        return embedding.float() @ self.matrix.T + self.offset


def build_identity_encoder(config: ModelConfig, size_px: int) -> IdentityEncoder | BackboneIdentity:
    """Build the encoder that ``config`` asks for, with fresh weights."""
    if config.identity_backbone is not None:
        return BackboneIdentity(config, size_px)
    return IdentityEncoder(config, size_px)
