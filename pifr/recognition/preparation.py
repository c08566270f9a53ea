"""What a training begins with: pictures, networks and batches, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from pifr.core.distributed import world_size
from pifr.core.errors import ConfigError
from pifr.core.resuming import keep_pictures
from pifr.core.tensorboard import require_tensorboard
from pifr.data.pixels import open_pixels_once
from pifr.recognition.batches import Batches, curriculum_yaws
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.model import Model, build_model
from pifr.recognition.on_the_fly import views_of_recipe
from pifr.recognition.run_state import check_resumed
from pifr.recognition.training_data import TrainingData, read_training_data


@dataclass(frozen=True)
class Preparation:
    """All that the loop works on.

    Attributes:
        data: Pictures and people.
        model: Networks with the weights that they start with.
        batches: What each step sees, with views on the fly where the recipe asks for them.
    """

    data: TrainingData
    model: Model
    batches: Batches


def check_recipe(
    config: RecognizerConfig, resume: Path | None, device: torch.device, tensorboard: bool = False
) -> tuple[TrainingData, Model]:
    """Check a recipe against its manifests and build its networks; a dry run ends here, no picture is decoded.

    Args:
        config: The recipe.
        resume: The run folder to go on with, if any.
        device: Where to train.
        tensorboard: Whether curves are to be written for it.

    Returns:
        People and pictures, and the networks with the weights that they start with.

    Raises:
        DataError: If the manifests can't be used; see :func:`read_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If the weights to start from don't fit, or the resumed run was started on other pictures.
        DependencyError: If an optional package is missing.
    """
    parts = world_size() * config.batch.accumulate
    if config.batch.people % parts:
        raise ConfigError(
            "batch.people must be a multiple of processes x accumulate", where="batch.people",
            found=f"{config.batch.people} for {world_size()} x {config.batch.accumulate}",
        )  # fmt: skip
    require_tensorboard(tensorboard)
    run = None if resume is None else check_resumed(config, resume)
    data = read_training_data(config)
    if run is not None:
        keep_pictures(data.fingerprint, run, data.train.name)
    if config.on_the_fly is None:
        curriculum_yaws(config, data)
    return data, build_model(config, len(data.people), device)


def prepare(
    config: RecognizerConfig, resume: Path | None, device: torch.device, tensorboard: bool = False
) -> Preparation:
    """Check a recipe as :func:`check_recipe` does, which costs little, and then decode its pictures.

    Args:
        config: The recipe.
        resume: The run folder to go on with, if any.
        device: Where to train.
        tensorboard: Whether curves are to be written for it.

    Raises:
        DataError: If a picture can't be used, or as above.
    """
    data, model = check_recipe(config, resume, device, tensorboard)
    store = open_pixels_once(data.train, config.size_px)
    views = views_of_recipe(config, data, store, model, device)
    return Preparation(data, model, Batches(config, data, store, views))
