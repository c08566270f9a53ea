"""What a training begins with: pictures, method and networks, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ipgan.batch import pictures_in_batches, rows_over_the_manifest
from ipgan.compilation import compile_networks
from ipgan.config import TrainConfig
from ipgan.methods import METHODS, Method
from ipgan.networks import Networks
from ipgan.recognizer import take_recognizer
from ipgan.run_state import check_resumed
from ipgan.training_data import TrainingData, open_training_data
from ipgan.transfer import check_start, start_from
from pifr.core.checkpoint import list_checkpoints
from pifr.core.distributed import take_from_main, world_size
from pifr.core.errors import ConfigError


@dataclass(frozen=True)
class Preparation:
    """All that the loop works on.

    Attributes:
        data: The pictures.
        method: What is minimised.
        networks: With the weights that they start with.
    """

    data: TrainingData
    method: Method[Any]
    networks: Networks


def prepare(config: TrainConfig, resume: Path | None, device: torch.device) -> Preparation:
    """Check a recipe against its pictures and build its networks; a dry run ends here.

    What costs nothing is checked first, so that nobody waits for pictures to be decoded to hear of a wrong size.

    Args:
        config: The recipe.
        resume: The run folder to go on with, if any.
        device: Where to train.

    Raises:
        DataError: If the manifest or its pictures can't be used; see :func:`ipgan.training_data.open_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If there is nothing to start from, or the run was trained on other pictures.
        DependencyError: If networks are to be compiled and there is no compiler.
    """
    shares = config.optimizer.accumulate * world_size()
    if config.batch_size % shares or config.batch_size < 2 * shares:
        raise ConfigError(
            "batch_size must be a multiple, at least twice, of processes x accumulate", where="batch_size",
            found=f"{config.batch_size} for {world_size()} x {config.optimizer.accumulate}",
        )  # fmt: skip
    # A run that was killed before its first checkpoint begins as a new one does.
    begins = resume is None or not list_checkpoints(check_resumed(config, resume).checkpoints)
    if begins and config.start_from is not None:
        check_start(config)

    # Every process draws the same weights.
    data = open_training_data(config)
    recognizer, model, backbone = take_recognizer(config, data.spec, device)
    method = METHODS[config.generator](config, model, data, recognizer)
    networks = Networks(method.model, config.data.size_px, data.people_count, config.seed, device)
    if backbone is not None:
        networks.start_from(backbone, trainable=config.identity.role == "fine-tuned encoder")
    networks.centre(next(pictures_in_batches(data, rows_over_the_manifest(data, 256), device)))
    if begins and config.start_from is not None:
        start_from(networks, config.start_from, data, device)
    # Fitted to pictures, weights may differ in last bits from process to process, and no later step would mend that.
    take_from_main(*networks.modules().values())
    if config.compile:
        compile_networks(networks, device)
    return Preparation(data, method, networks)
