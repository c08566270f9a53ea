"""The networks of one training, their averaged twins, and how they are averaged."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from ipgan.config import ModelConfig
from ipgan.erasure import leace, pose_concept, yaw_concept
from ipgan.identity_encoder import BackboneIdentity
from ipgan.methods import METHODS
from ipgan.methods.ipgan import IPGANRotation
from ipgan.rotation import Rotation
from pifr.core.seeds import derive_seed

_LEAST_CORRELATION = 0.2
"""Below this a direction of the identity code is not worth erasing; see docs/ipgan.md for what it costs and brings."""


def build_rotation(config: ModelConfig, size_px: int) -> Rotation:
    """Build the networks of inference that ``config.generator`` names, with fresh weights."""
    return METHODS[config.generator].rotation(config, size_px)


class Networks:
    """All networks of one training.

    Attributes:
        rotation: Encoders and generator, trained.
        adversary: Discriminator, and what else serves training alone.
        averaged: Running average of ``rotation``.

    Args:
        config: Sizes, and whose networks these are.
        size_px: Side of the pictures.
        people: Number of training people.
        seed: Seed of the first weights; every process draws the same.
        device: Where they live.
    """

    def __init__(self, config: ModelConfig, size_px: int, people: int, seed: int, device: torch.device) -> None:
        torch.manual_seed(derive_seed(seed, "weights"))
        self.rotation = build_rotation(config, size_px).to(device)
        self.adversary = METHODS[config.generator].adversary(config, size_px, people).to(device)
        self.averaged = copy.deepcopy(self.rotation).requires_grad_(False).eval()

    def start_from(self, backbone: nn.Module, trainable: bool) -> None:
        """Take a trained recogniser's weights for the identity encoder; it learns on only if ``trainable``."""
        encoder = self.rotation.identity_encoder
        assert isinstance(encoder, BackboneIdentity)
        encoder.backbone.load_state_dict(backbone.state_dict())
        encoder.backbone.requires_grad_(trainable)
        self.averaged.load_state_dict(self.rotation.state_dict())

    def erase_pose(
        self, images: Iterable[Tensor], yaw_degrees: np.ndarray, conditions: np.ndarray, dtype: torch.dtype
    ) -> None:
        """Erase the pose from the codes of both identity encoders; see :func:`erase_pose`.

        For methods that ask for it alone; see :attr:`ipgan.methods.Method.erases_pose`.
        """
        batches = list(images)
        for rotation in (self.rotation, self.averaged):
            erase_pose(rotation, batches, yaw_degrees, conditions, dtype)

    def centre(self, images: Tensor) -> None:
        """Fit fresh networks to the pictures ``(B, 3, S, S)``."""
        self.rotation.centre(images)
        self.averaged.load_state_dict(self.rotation.state_dict())

    def modules(self) -> dict[str, nn.Module]:
        """Return them by the names used in checkpoints."""
        return {"rotation": self.rotation, "adversary": self.adversary, "averaged": self.averaged}

    def rotation_parameters(self) -> list[nn.Parameter]:
        """Weights trained by the rotation's optimizer: all but the discriminator's and a recogniser's."""
        others = {id(parameter) for parameter in [*self.backbone_parameters(), *self.discriminator_parameters()]}
        every = [*self.rotation.parameters(), *self.adversary.parameters()]
        return [parameter for parameter in every if id(parameter) not in others]

    def backbone_parameters(self) -> list[nn.Parameter]:
        """Weights of a recogniser that serves as encoder; they have a learning rate of their own."""
        encoder = self.rotation.identity_encoder
        return list(encoder.backbone.parameters()) if isinstance(encoder, BackboneIdentity) else []

    def discriminator_parameters(self) -> list[nn.Parameter]:
        """Weights trained by the discriminator's optimizer."""
        return list(self.adversary.discriminator.parameters())

    @torch.no_grad()
    def update_average(self, images_seen: int, batch_size: int, half_life_images: int, rampup: float) -> None:
        """Move the average toward the trained weights (Karras et al., NeurIPS 2020, ``ema_kimg`` and ``ema_rampup``).

        Args:
            images_seen: Images shown so far.
            batch_size: Images since the last call.
            half_life_images: After so many images an old weight counts half.
            rampup: The half-life is at most this share of ``images_seen``; 0 turns the ramp off.
        """
        half_life = min(half_life_images, images_seen * rampup) if rampup else half_life_images
        keep = 0.5 ** (batch_size / max(half_life, 1e-8))
        torch._foreach_lerp_(list(self.averaged.parameters()), list(self.rotation.parameters()), 1 - keep)


@torch.no_grad()
def erase_pose(
    rotation: Rotation, images: Iterable[Tensor], yaw_degrees: np.ndarray, conditions: np.ndarray, dtype: torch.dtype
) -> None:
    """Edit an identity encoder so that no linear probe reads the pose off its codes; see :mod:`ipgan.erasure`.

    Args:
        rotation: IP-GAN's networks; changed.
        images: Batches ``(B, 3, S, S)`` of training pictures, N together.
        yaw_degrees: ``(N,)`` their yaw, NaN where unknown.
        conditions: ``(N,)`` which light and session each was taken in; see :func:`ipgan.erasure.yaw_concept`.
        dtype: Number format of the networks.
    """
    assert isinstance(rotation, IPGANRotation)
    encoder, known = rotation.identity_encoder, bool(np.isfinite(yaw_degrees).all())
    codes, poses = [], []
    for batch in images:  # one by one: thousands of pictures need not lie in memory together
        codes.append(encoder.raw(batch.to(dtype)))
        if not known:
            poses.append(rotation.pose_encoder(batch.to(dtype)).mean)
    device = codes[0].device
    concept = yaw_concept(yaw_degrees, conditions) if known else pose_concept(torch.cat(poses).cpu().numpy())
    values = leace(torch.cat(codes).cpu().numpy(), concept, _LEAST_CORRELATION if known else 0.0)
    encoder.edit(*(torch.from_numpy(value).float().to(device) for value in values))


def parameters_in_millions(module: nn.Module) -> float:
    """Return the number of weights in millions."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def total_norm(parameters: list[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together, a scalar; not finite if any of them is not."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
