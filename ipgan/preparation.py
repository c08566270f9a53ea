"""What a training begins with: pictures, method and networks, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ipgan.batch import pictures_in_batches, rows_over_the_manifest
from ipgan.compilation import compile_networks
from ipgan.config import ModelConfig, TrainConfig
from ipgan.grid import GridPlan
from ipgan.methods import METHODS, Method
from ipgan.networks import Networks
from ipgan.recognizer import take_recognizer
from ipgan.run_state import check_resumed, plan_run_grid
from ipgan.training_data import TrainingData, open_training_data
from ipgan.transfer import check_start, start_from
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints
from pifr.core.config import check_config
from pifr.core.distributed import main_first, take_from_main, world_size
from pifr.core.errors import ConfigError
from pifr.core.resuming import keep_pictures
from pifr.core.runs import RunFolder
from pifr.core.tensorboard import require_tensorboard


@dataclass(frozen=True)
class Preparation:
    """All that the loop works on.

    Attributes:
        data: The pictures.
        method: What is minimised.
        networks: With the weights that they start with.
        grid: What sample grids show.
    """

    data: TrainingData
    method: Method[Any]
    networks: Networks
    grid: GridPlan


def prepare(config: TrainConfig, resume: Path | None, device: torch.device, tensorboard: bool = False) -> Preparation:
    """Check a recipe against its pictures and build its networks; a dry run ends here.

    What costs nothing is checked first, so that nobody waits for pictures to be decoded to hear of a wrong size.

    Args:
        config: The recipe.
        resume: The run folder to go on with, if any.
        device: Where to train.
        tensorboard: Whether curves are to be written for it.

    Raises:
        DataError: If the manifest or its pictures can't be used; see :func:`ipgan.training_data.open_training_data`.
        ConfigError: If the recipe can't be used, or differs from the resumed run's.
        CheckpointError: If there is nothing to start from, or the run was trained on other pictures.
        DependencyError: If networks are to be compiled and there is no compiler, or curves lack their package.
    """
    shares = config.optimizer.accumulate * world_size()
    if config.batch_size % shares or config.batch_size < 2 * shares:
        raise ConfigError(
            "batch_size must be a multiple, at least twice, of processes x accumulate", where="batch_size",
            found=f"{config.batch_size} for {world_size()} x {config.optimizer.accumulate}",
        )  # fmt: skip
    require_tensorboard(tensorboard)
    run = None if resume is None else check_resumed(config, resume)
    # A run that was killed before its first checkpoint begins as a new one does.
    begins = run is None or not list_checkpoints(run.checkpoints)
    views = _known_views(config, None if begins else run)

    data = open_training_data(config)
    if run is not None:
        keep_pictures(data.fingerprint, run, data.manifest.name)
    recognizer, model, backbone = take_recognizer(config, data.spec, device)
    model = model.model_copy(update={"view_yaws_degrees": views})
    method = METHODS[config.generator](config, model, data, recognizer)
    with main_first():  # the others find the decoded pictures in the cache
        grid = plan_run_grid(config, data, method.model)
    # Every process draws the same weights.
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
    return Preparation(data, method, networks, grid)


def _known_views(config: TrainConfig, run: RunFolder | None) -> tuple[float, ...]:
    """Return the yaws of the views that the weights know which training begins or goes on with; empty without any."""
    if run is not None:
        checkpoint = latest_checkpoint(run.checkpoints)
        return check_config(ModelConfig, checkpoint.meta()["model"], f"{checkpoint.path}/meta.json").view_yaws_degrees
    return check_start(config) if config.start_from is not None else ()
