"""What a run keeps on disk, and how it goes on from there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ipgan.batch import rows_over_the_manifest
from ipgan.config import ModelConfig, TrainConfig
from ipgan.grid import GridPlan, draw_grid, drawable, plan_grid
from ipgan.networks import Networks
from ipgan.optimization import Optimizers
from ipgan.pose_map import PoseMap
from ipgan.rotator import Rotator
from ipgan.stored import KIND, describe
from ipgan.training_data import TrainingData
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints, load_modules, save_checkpoint
from pifr.core.config import load_config
from pifr.core.distributed import barrier, is_main
from pifr.core.errors import CheckpointError, ConfigError
from pifr.core.resuming import keep_pictures, keep_recipe
from pifr.core.runs import RunFolder
from pifr.data.manifest import read_manifest

_POSE_MAP_PICTURES = 4000
_FREE_TO_CHANGE = frozenset(
    {"steps", "tick_steps", "grid_steps", "checkpoint_steps", "keep_checkpoints", "name", "compile"}
    | {"data.manifest", "data.unlabelled", "data.grid_split"}
)
"""Keys that a resumed run may change: pictures may have moved, which their fingerprint tells from other pictures."""


def open_run(config: TrainConfig, runs: Path, resume: Path | None, data: TrainingData) -> RunFolder:
    """Make a new run folder, or open the one to go on with and check that it fits.

    Raises:
        ConfigError: If the resumed run was trained by another recipe.
        CheckpointError: If it was trained on other pictures, or is a run of something else.
    """
    if resume is None:
        return RunFolder.create_once(runs, f"train-{config.name}", config, data.fingerprint)
    run = check_resumed(config, resume)
    keep_pictures(data.fingerprint, run, data.manifest.name)
    return run


def check_resumed(config: TrainConfig, resume: Path) -> RunFolder:
    """Open the run to go on with, and check that it was trained by the same recipe.

    Raises:
        ConfigError: If a key differs that makes it another run.
        CheckpointError: If it is a run of something else.
    """
    run = RunFolder.open(resume)
    meta = latest_checkpoint(run.checkpoints).meta() if list_checkpoints(run.checkpoints) else {"kind": KIND}
    if meta.get("kind") != KIND:
        raise CheckpointError(
            "this is no run of 'ipgan train'", where=run.path, found=f"kind {meta.get('kind')!r}",
            cure="name another run",
        )  # fmt: skip
    keep_recipe(config, run, _FREE_TO_CHANGE)
    planned = meta.get("steps", load_config(TrainConfig, run.config_path).steps)
    _check_settling(config, run, int(meta.get("step", 0)), int(planned))
    return run


def _check_settling(config: TrainConfig, run: RunFolder, done: int, steps: int) -> None:
    """Refuse other steps where the encoders rest already, or would have to: they settle once, at one step.

    Args:
        config: The recipe to go on with.
        run: The run.
        done: Its finished steps.
        steps: How many it was to have when it was saved.
    """
    first = min(config.steps, steps) - config.settle_steps
    if config.settle_steps and config.steps != steps and done > first:
        raise ConfigError(
            "steps can't change any more: the last part, in which the encoders rest, has begun or would have",
            where=run.config_path, found=f"{config.steps}, there {steps} and saved at step {done}",
            cure=f"resume with steps={steps}, or start a new run",
        )  # fmt: skip


@dataclass
class RunState:
    """Saves and restores one training.

    Attributes:
        run: Its folder.
        config: Its recipe.
        data: Its pictures.
        networks: What is trained.
        optimizers: Their state.
        device: Where it runs.
        grid: What its sample grids show.
    """

    run: RunFolder
    config: TrainConfig
    data: TrainingData
    networks: Networks
    optimizers: Optimizers
    device: torch.device
    grid: GridPlan

    def resume(self) -> int:
        """Load the newest checkpoint and return the number of finished steps.

        A run that was killed before its first checkpoint starts again at step 0.
        """
        if not list_checkpoints(self.run.checkpoints):
            return self._started_at(0)
        checkpoint = latest_checkpoint(self.run.checkpoints)
        load_modules(checkpoint.weights(), self.networks.modules(), checkpoint.path)
        self.optimizers.load_state(checkpoint.training_state())
        return self._started_at(checkpoint.step)

    def _started_at(self, step: int) -> int:
        if is_main():
            self.run.history.truncate_after(step)
            if step and self.shows(step) and not self._grid_path(step).exists():  # killed between saving and drawing
                self.draw(step)
        barrier()
        return step

    def shows(self, step: int) -> bool:
        """Tell whether a sample grid belongs to a number of finished steps."""
        every = self.config.grid_steps
        return step == self.config.steps or (every > 0 and step % every == 0)

    def _grid_path(self, step: int) -> Path:
        return self.run.grids / f"step-{step:08d}.png"

    def save(self, step: int) -> None:
        """Write a checkpoint, from the main process."""
        if is_main():
            rotator = self.rotator()
            meta = describe(
                self.networks.averaged.config, self.data.spec, rotator.pose_map, self.run.path.name,
                self.data.manifest.subjects, self.data.folders,
            )  # fmt: skip
            meta["steps"] = self.config.steps
            save_checkpoint(
                self.run.checkpoints, step, self.networks.modules(), self.optimizers.state(), meta,
                self.config.keep_checkpoints,
            )  # fmt: skip
        barrier()

    def rotator(self) -> Rotator:
        """Return the averaged weights as they stand, with their pose map."""
        rotator = Rotator(
            self.networks.averaged, self.data.spec, None, self.run.path.name, "", self.device, self.config.precision
        )
        rotator.pose_map = learn_pose_map(rotator, self.data)
        return rotator

    def draw(self, step: int) -> Path:
        """Draw a sample grid."""
        return draw_grid(self.rotator(), self.grid, self._grid_path(step))


def plan_run_grid(config: TrainConfig, data: TrainingData, model: ModelConfig) -> GridPlan:
    """Choose what a run's sample grids show, before its generator exists: a grid that fails must cost no training.

    Args:
        config: The recipe.
        data: The training pictures.
        model: Sizes of the generator, with its views if it learns such.

    Raises:
        DataError: If the pictures can't be used, or none of their yaws is one that the generator will make.
    """
    settings, manifest, where = config.data, data.manifest, data.manifest.name
    if settings.grid_split is not None and "split" in manifest.table:
        everyone = read_manifest(settings.manifest)
        if (everyone.table["split"] == settings.grid_split).any():
            manifest = everyone.of_split(settings.grid_split)
            where = f"{manifest.name}, data.grid_split={settings.grid_split}"
    reach = _range_to_learn(model, data)
    yaws = np.empty(0) if reach is None else None
    plan = plan_grid(manifest, settings.size_px, settings.sitting_columns, yaws_degrees=yaws)
    return drawable(plan, reach, where, "name another split, or data.grid_split=null to show the training people")


def _range_to_learn(model: ModelConfig, data: TrainingData) -> tuple[float, float] | None:
    """Return the degrees that a generator of these pictures will know, whatever its codes; None if it is none."""
    if model.view_yaws_degrees:
        return model.view_yaws_degrees[0], model.view_yaws_degrees[-1]
    rows = _rows_of_pose_map(data)
    learned = PoseMap.learn(np.zeros((len(rows), 1)), data.yaw_degrees[rows], data.pitch_degrees[rows])
    return None if learned is None else learned.range_degrees


def learn_pose_map(rotator: Rotator, data: TrainingData) -> PoseMap | None:
    """Learn degrees to codes from the training pictures whose yaw is known; None if it is for none.

    Where views are classes there is nothing to learn: the code of a view is one-hot.
    """
    views = rotator.rotation_config.view_yaws_degrees
    if views:
        return PoseMap(np.array(views), np.eye(len(views), dtype=np.float32))
    rows = _rows_of_pose_map(data)
    if not len(rows):
        return None
    return PoseMap.learn(rotator.pose_codes(data.store[rows]), data.yaw_degrees[rows], data.pitch_degrees[rows])


def _rows_of_pose_map(data: TrainingData) -> np.ndarray:
    rows = np.flatnonzero(np.isfinite(data.yaw_degrees))
    return rows[rows_over_the_manifest(rows, _POSE_MAP_PICTURES)] if len(rows) else rows
