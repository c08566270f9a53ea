"""The networks of one training, their averaged twins, and how they are averaged."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ipgan.config import ModelConfig
from ipgan.identity_encoder import BackboneIdentity
from ipgan.methods import METHODS
from ipgan.rotation import Rotation
from pifr.core.seeds import derive_seed


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


def parameters_in_millions(module: nn.Module) -> float:
    """Return the number of weights in millions."""
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


def total_norm(parameters: list[nn.Parameter]) -> Tensor:
    """Return the norm of all gradients together, a scalar; not finite if any of them is not."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
