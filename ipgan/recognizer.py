"""A trained recogniser's part in training the generator: it says whether the face made is still the same person.

Identity compared by a recogniser, on a feature layer as well as the embedding, is what the family's ablations show to
matter most (CAPG-GAN, CVPR 2018, table 4: rank-1 at 90 degrees 66 % with it, 41 % without).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.config import ModelConfig, TrainConfig
from pifr.backbones import FeatureTap, StoredBackbone, load_backbone
from pifr.core.errors import ConfigError
from pifr.data.spec import InputSpec
from pifr.pose import attach_yaw_reader

_SIDES_OF_SIZE = (8, 4)
"""Feature maps compared: those of an eighth and a quarter of the picture's side."""


class Recognition(NamedTuple):
    """What the recogniser says of a batch.

    Attributes:
        code: ``(B, D)``, unit norm, float32.
        features: Feature maps of two scales.
    """

    code: Tensor
    features: tuple[Tensor, ...]


class Recognizer:
    """A frozen recogniser: gradients flow through it to the pictures, never into it.

    Args:
        run: Run folder of ``pifr train-recognizer``.
        spec: What the generator's pictures look like.
        device: Where it runs.

    Raises:
        CheckpointError: If there is no recogniser in ``run``.
        ConfigError: If it was trained on pictures of another alignment, channel order or scaling.
    """

    def __init__(self, run: Path, spec: InputSpec, device: torch.device) -> None:
        stored = _fitting_backbone(run, spec)
        self.size_px = stored.spec.size_px
        network = stored.network.requires_grad_(False).to(device)
        attach_yaw_reader(network, stored.spec)
        self._tap = FeatureTap(network, [self.size_px // share for share in _SIDES_OF_SIZE])
        self._device = device

    def __call__(self, images: Tensor, dtype: torch.dtype) -> Recognition:
        """Recognise ``(B, 3, S, S)`` in -1..1, computing in ``dtype``; S may differ from its own size."""
        if images.shape[-1] != self.size_px:
            images = F.interpolate(images, size=self.size_px, mode="bilinear", align_corners=False, antialias=True)
        with torch.autocast(self._device.type, dtype=dtype, enabled=dtype != torch.float32):
            embedding, features = self._tap(images.float())
        return Recognition(F.normalize(embedding.float(), dim=1), features)


def take_recognizer(
    config: TrainConfig, spec: InputSpec, device: torch.device
) -> tuple[Recognizer | None, ModelConfig, nn.Module | None]:
    """Load the recogniser that a recipe names, for the part it is to play.

    Args:
        config: The recipe.
        spec: What the generator's pictures look like.
        device: Where training runs.

    Returns:
        The recogniser if it compares faces; the model's sizes, with the backbone's shape if it is the encoder; and
        that backbone.

    Raises:
        CheckpointError: If there is no recogniser at the place named.
        ConfigError: If it takes other pictures than the generator's, or has a DREAM block and is to be the encoder.
    """
    run, role = config.identity.recognizer, config.identity.role
    if run is None:
        return None, config.model, None
    if role == "loss":
        return Recognizer(run, spec, device), config.model, None
    stored = _fitting_backbone(run, spec)
    if stored.shape.dream is not None:
        raise ConfigError(
            "a backbone with a DREAM block can't be the encoder, since its code would depend on yaw",
            where=f"identity.recognizer={run}", cure="use role: loss, or a recogniser without it",
        )  # fmt: skip
    if stored.spec.size_px != spec.size_px:
        raise ConfigError(
            "a recogniser serves as encoder at its own size only", where=f"identity.recognizer={run}",
            found=f"{stored.spec.size_px} px for pictures of {spec.size_px}", cure="use role: loss, or data.size_px",
        )  # fmt: skip
    shape = {"identity_backbone": stored.shape, "identity_dim": stored.shape.embedding_dim}
    return None, config.model.model_copy(update=shape), stored.network


def _fitting_backbone(run: Path, spec: InputSpec) -> StoredBackbone:
    stored = load_backbone(run)
    mine, its = spec.model_dump(exclude={"size_px"}), stored.spec.model_dump(exclude={"size_px"})
    if mine != its:
        key = next(key for key in mine if mine[key] != its[key])
        raise ConfigError(
            f"the recogniser takes pictures of another {key} than the generator's {mine[key]!r}",
            where=f"identity.recognizer={run}", found=repr(its[key]), cure="train it on the same pictures",
        )  # fmt: skip
    return stored
