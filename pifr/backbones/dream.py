"""DREAM: a profile's embedding is moved towards where the same person's frontal one would lie.

    embedding = x + gate(|yaw|) * R(x)

References:
    K. Cao, Y. Rong, C. Li, X. Tang, C. C. Loy, "Pose-Robust Face Recognition via Deep Residual Equivariant Mapping",
    CVPR 2018, section 3: R is two fully connected layers with PReLU, the gate a function of yaw. Authors' code:
    github.com/penincillin/DREAM, src/stitching/branch_util.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from pifr.backbones.config import DreamConfig, Gate
from pifr.core.errors import ConfigError

YawReader = Callable[[Tensor], Tensor]
"""Pictures ``(B, 3, S, S)`` as the backbone takes them -> yaw ``(B,)`` in degrees."""


def dream_gate(yaw_degrees: Tensor, gate: Gate) -> Tensor:
    """Return how far the mapping opens, in (0, 1).

    The two published formulas differ. ``paper``: ``sigmoid(4 / pi * |yaw| - 1)`` with yaw in radians: 0.27 at the
    front, 0.5 at 45 degrees, 0.73 at a profile. ``code``: ``sigmoid(10 * (|yaw| / 45 - 1))`` with yaw in degrees:
    0.00005, 0.5 and 0.99995. So the paper's gate moves frontal faces too, the code's leaves them alone.

    Args:
        yaw_degrees: ``(B,)``; the sign does not matter.
        gate: Which of the two.
    """
    size = yaw_degrees.abs()
    if gate == "paper":
        return torch.sigmoid(4 / math.pi * torch.deg2rad(size) - 1)
    return torch.sigmoid(10 * (size / 45 - 1))


class DreamBlock(nn.Module):
    """The gated residual.

    Both layers end in PReLU, as the paper says; the authors' code has ReLU there, which can only add.

    Args:
        embedding_dim: Length D of the embedding.
        gate: Which gate.
    """

    def __init__(self, embedding_dim: int, gate: Gate) -> None:
        super().__init__()
        self.gate: Gate = gate
        self.residual = nn.Sequential(
            nn.Linear(embedding_dim, embedding_dim), nn.PReLU(), nn.Linear(embedding_dim, embedding_dim), nn.PReLU()
        )

    def forward(self, embeddings: Tensor, yaw_degrees: Tensor) -> Tensor:
        """Map ``(B, D)`` embeddings of faces at ``(B,)`` yaws to ``(B, D)``."""
        opening = dream_gate(yaw_degrees.float(), self.gate)[:, None]
        moved: Tensor = embeddings + opening.to(embeddings.dtype) * self.residual(embeddings)
        return moved


class DreamBackbone(nn.Module):
    """Any backbone with a DREAM block on its embedding.

    What estimates yaw is no part of the module: it has weights of its own, is never trained with it and stays in
    evaluation mode. :func:`pifr.pose.attach_yaw_reader` puts one on.

    Args:
        backbone: ``(B, 3, S, S) -> (B, D)``.
        embedding_dim: D.
        config: Gate and source of yaw.
    """

    def __init__(self, backbone: nn.Module, embedding_dim: int, config: DreamConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.dream = DreamBlock(embedding_dim, config.gate)
        self.config = config
        self._reader: tuple[YawReader, ...] = ()

    def attach(self, reader: YawReader) -> None:
        """Let ``reader`` tell yaw where the caller does not; in a tuple, so that it is no submodule."""
        self._reader = (reader,)

    def forward(self, images: Tensor, yaw_degrees: Tensor | None = None) -> Tensor:
        """Embed pictures.

        Args:
            images: ``(B, 3, S, S)``.
            yaw_degrees: ``(B,)`` known yaws, NaN where unknown; None where none is.

        Returns:
            ``(B, D)``.

        Raises:
            ConfigError: If a yaw is missing and nothing estimates it.
        """
        return self.dream(self.backbone(images), self.yaw_of(images, yaw_degrees))

    def yaw_of(self, images: Tensor, yaw_degrees: Tensor | None = None) -> Tensor:
        """Return the yaws used ``(B,)`` in degrees; the recipe's source decides whether given ones count."""
        if yaw_degrees is None or self.config.yaw == "estimate":
            return self._read(images)
        unknown = yaw_degrees.isnan()
        if not bool(unknown.any()):
            return yaw_degrees
        return torch.where(unknown, self._read(images).to(yaw_degrees.dtype), yaw_degrees)

    def _read(self, images: Tensor) -> Tensor:
        if not self._reader:
            raise ConfigError(
                "a backbone with a DREAM block needs each picture's yaw", where="backbone.dream",
                cure="give yaw_degrees, or attach an estimator: pifr.pose.attach_yaw_reader(network, spec)",
            )  # fmt: skip
        return self._reader[0](images)
