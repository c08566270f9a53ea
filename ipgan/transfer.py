"""Starting from weights that were trained before, on other pictures or with another recipe."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ipgan.batch import pictures_in_batches
from ipgan.config import TrainConfig
from ipgan.networks import Networks
from ipgan.stored import read_stored
from ipgan.training_data import TrainingData
from pifr.core.checkpoint import load_modules
from pifr.core.errors import ConfigError

_PICTURES_PER_PERSON = 4


def check_start(config: TrainConfig) -> tuple[float, ...]:
    """Check that the weights a recipe starts from are of its generator and size, before pictures are read.

    Returns:
        Yaws of the views that they know, in degrees; empty for a generator that learns no views.

    Raises:
        CheckpointError: If there are no weights, or they are damaged.
        ConfigError: If they are of another generator or size, or know views in other steps.
    """
    source = str(config.start_from)
    stored = read_stored(source)
    wanted: dict[str, object] = {"generator": config.generator, "size_px": config.data.size_px}
    its: dict[str, object] = {"generator": stored.model.generator, "size_px": stored.spec.size_px}
    if stored.model.view_yaws_degrees:
        wanted["view_step_degrees"] = config.model.view_step_degrees
        its["view_step_degrees"] = stored.model.view_step_degrees
    for key, value in wanted.items():
        if its[key] != value:
            raise ConfigError(
                f"the weights to start from have another {key}", where=f"start_from={source}",
                found=f"{its[key]!r} for {value!r}", cure="give the recipe the same, or start afresh",
            )  # fmt: skip
    return stored.model.view_yaws_degrees


def start_from(networks: Networks, source: Path | str, data: TrainingData, device: torch.device) -> None:
    """Give fresh networks the weights of a trained generator.

    The averaged weights become both the trained and the averaged ones. A discriminator comes along where the source
    is a run that still has one. The training people are new: each starts at the mean code of a few of its pictures.

    Args:
        networks: Fresh ones; changed.
        source: Run folder, checkpoint, saved weights or the name of shipped ones.
        data: The pictures to be trained on.
        device: Where the networks live.

    Raises:
        CheckpointError: If there are no weights, or they are damaged.
        ConfigError: If their networks have other sizes; for the picture's size see :func:`check_start`.
        DataError: If they were trained on pictures of another alignment.
    """
    stored = read_stored(source)
    mine, its = networks.rotation.config.model_dump(), stored.model.model_dump()
    # A flow may be added to trained weights; it starts with the photograph unmoved and trusted by a quarter.
    added = mine["appearance_flow"] and not its["appearance_flow"]
    differing = [key for key in mine if mine[key] != its[key] and not (added and key == "appearance_flow")]
    if differing:
        raise ConfigError(
            f"the weights to start from have another {differing[0]}", where=f"start_from={source}",
            found=f"{its[differing[0]]!r} for {mine[differing[0]]!r}",
            cure="give the recipe the same sizes, or start afresh",
        )  # fmt: skip
    stored.spec.require_template(data.spec.template, data.manifest.name)
    weights = dict(stored.tensors)
    if added:
        flow = {key: value for key, value in networks.averaged.state_dict().items() if ".flow." in key}
        weights |= {f"averaged.{key}": value for key, value in flow.items()}
    load_modules(weights, {"averaged": networks.averaged}, stored.folder)
    networks.rotation.load_state_dict(networks.averaged.state_dict())
    judge = {key.removeprefix("adversary."): value for key, value in weights.items() if ".discriminator." in key}
    if _fits(judge, networks.adversary.discriminator):
        load_modules(judge, {"discriminator": networks.adversary.discriminator}, stored.folder)
    if networks.adversary.people is not None:
        networks.adversary.people.data.copy_(_mean_codes(networks, data, device))


def _fits(tensors: dict[str, Tensor], discriminator: nn.Module) -> bool:
    """Tell whether stored weights of a discriminator have this one's shapes; DR-GAN's depend on the people."""
    mine = {f"discriminator.{key}": value.shape for key, value in discriminator.state_dict().items()}
    return mine == {key: value.shape for key, value in tensors.items()}


@torch.no_grad()
def _mean_codes(networks: Networks, data: TrainingData, device: torch.device) -> Tensor:
    """Return the mean code of a few pictures of each training person, ``(K, F)`` of unit norm."""
    order = data.people.argsort(kind="stable")
    bounds = np.searchsorted(data.people[order], np.arange(data.people_count + 1))
    means = []
    for start, end in pairwise(bounds):
        step = max(1, (end - start) // _PICTURES_PER_PERSON)
        rows = order[start:end:step][:_PICTURES_PER_PERSON]
        codes = [networks.rotation.identity_encoder(images).code for images in pictures_in_batches(data, rows, device)]
        means.append(F.normalize(torch.cat(codes).mean(dim=0), dim=0))
    return torch.stack(means)
