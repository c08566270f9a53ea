"""Opening, saving and resuming a recogniser's run folder."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pifr.backbones import BEST_FOLDER, KIND
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints, load_modules, save_checkpoint
from pifr.core.distributed import is_main
from pifr.core.errors import CheckpointError
from pifr.core.resuming import keep_pictures, keep_recipe
from pifr.core.runs import RunFolder
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.model import Model
from pifr.recognition.optimization import GuardedStep
from pifr.recognition.sharded_head import ShardedHead, own_optimizer_state, whole_optimizer_state
from pifr.recognition.training_data import TrainingData
from pifr.recognition.validation import ValidationFigures

_MAY_CHANGE = frozenset({"steps", "intervals", "precision", "compile", "channels_last", "batch.accumulate"})
"""What a resumed run may change; all else would make it another run."""
TOP_FOLDER = "top"
"""Folder of the best checkpoints where a recipe keeps several."""


@dataclass
class RunState:
    """A run on disk and what of it lives in memory.

    Attributes:
        run: The folder.
        config: The recipe.
        data: Pictures and people.
        model: All weights, not wrapped for several processes.
        optimizer: Their optimizer.
        guard: Counts of steps left out.
        generator_sha256: Digest of the generator of views on the fly; empty for none.
        best: Figures of the best checkpoint so far.
        best_step: Its step.
        top: Figures of the best checkpoints by step, best first, where the recipe keeps several.
    """

    run: RunFolder
    config: RecognizerConfig
    data: TrainingData
    model: Model
    optimizer: torch.optim.Optimizer
    guard: GuardedStep
    generator_sha256: str = ""
    best: ValidationFigures | None = None
    best_step: int | None = None
    top: list[tuple[int, ValidationFigures]] = field(default_factory=list)

    def save(self, step: int) -> None:
        """Write a checkpoint to resume from, on the main process; all processes must call this."""
        modules, optimizer = self.model.stored(), self._optimizer_state()
        if isinstance(self.model.loss, ShardedHead):
            modules["loss"] = self.model.loss.whole()
        if not is_main():
            return
        state = {
            "optimizer": optimizer,
            "guard": self.guard.state_dict(),
            "best": self.best.to_dict() if self.best else None,
            "best_step": self.best_step,
            "top": [[number, figures.to_dict()] for number, figures in self.top],
        }
        save_checkpoint(
            self.run.checkpoints, step, modules, state, self._meta(None), self.config.intervals.keep_last
        )  # fmt: skip
        self._remove_all_but_best()

    def keep_if_best(self, step: int, figures: ValidationFigures) -> None:
        """Write the backbone to ``best/`` if validation never went better, and to ``top/`` if it is among the best.

        What it replaces stays until the next checkpoint: a run that is killed before goes on from the last one, to
        which the old best belongs.
        """
        backbone, meta = {"backbone": self.model.finished}, self._meta(figures)
        if figures.better_than(self.best):
            self.best, self.best_step = figures, step
            save_checkpoint(self.run.path / BEST_FOLDER, step, backbone, {}, meta, keep_last=sys.maxsize)
        if self.config.intervals.keep_best == 1:
            return
        place = next((i for i, (_, other) in enumerate(self.top) if figures.better_than(other)), len(self.top))
        self.top.insert(place, (step, figures))
        del self.top[self.config.intervals.keep_best :]
        if place < len(self.top):
            save_checkpoint(self.run.path / TOP_FOLDER, step, backbone, {}, meta, keep_last=sys.maxsize)

    def resume(self) -> int:
        """Load the latest checkpoint and cut the history there; return the number of steps done.

        A run that was killed before its first checkpoint starts again at step 0.

        Raises:
            CheckpointError: If the checkpoint is damaged, or the run was started with another generator.
        """
        if not list_checkpoints(self.run.checkpoints):
            self._remove_all_but_best()
            self._cut_history(0)
            return 0
        checkpoint = latest_checkpoint(self.run.checkpoints)
        if checkpoint.meta().get("generator_sha256", "") != self.generator_sha256:
            raise CheckpointError(
                "this run generated its views with other weights", where=self.run.path,
                cure="put the old generator back, or name its checkpoint folder",
            )  # fmt: skip
        state, weights, optimizer = checkpoint.training_state(), checkpoint.weights(), self.optimizer
        if isinstance(self.model.loss, ShardedHead):
            weights["loss.centres"] = self.model.loss.own_rows(weights["loss.centres"])
            state["optimizer"] = own_optimizer_state(state["optimizer"], optimizer, self.model.loss)
        load_modules(weights, self.model.stored(), checkpoint.path)
        optimizer.load_state_dict(state["optimizer"])
        self.guard.load_state_dict(state["guard"])
        self.best = ValidationFigures(**state["best"]) if state["best"] else None
        self.best_step = state["best_step"]
        self.top = [(step, ValidationFigures(**figures)) for step, figures in state.get("top", [])]
        self._remove_all_but_best()
        self._cut_history(checkpoint.step)
        return checkpoint.step

    def _optimizer_state(self) -> dict[str, Any]:
        if isinstance(self.model.loss, ShardedHead):
            return whole_optimizer_state(self.optimizer, self.model.loss)
        return self.optimizer.state_dict()

    def _remove_all_but_best(self) -> None:
        """Remove what is no longer among the best, and what a killed run kept after its last checkpoint."""
        if not is_main():
            return
        for folder, steps in ((BEST_FOLDER, {self.best_step}), (TOP_FOLDER, {step for step, _ in self.top})):
            for checkpoint in list_checkpoints(self.run.path / folder):
                if checkpoint.step not in steps:
                    shutil.rmtree(checkpoint.path, ignore_errors=True)

    def _cut_history(self, step: int) -> None:
        if is_main():
            self.run.history.truncate_after(step)

    def _meta(self, figures: ValidationFigures | None) -> dict[str, Any]:
        return {
            "kind": KIND,
            "spec": self.data.spec.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
            "people": len(self.data.people),
            "subjects": self.data.people,
            "data_fingerprint": self.data.fingerprint,
            "data_folders": list(self.data.folders),
            "validation": figures.to_dict() if figures else None,
            "generator_sha256": self.generator_sha256,
            "initial_sha256": self.model.initial_sha256,
        }


def open_run(config: RecognizerConfig, runs: Path, resume: Path | None, data: TrainingData) -> RunFolder:
    """Make a run folder on the main process, or open the one to resume; all processes learn its path.

    Raises:
        ConfigError: If the resumed run's recipe differs in more than it may.
        CheckpointError: If it was started on other pictures.
        PifrError: If ``resume`` is no run folder.
    """
    if resume is None:
        name = f"train-recognizer-{config.name or config.backbone.name}"
        return RunFolder.create_once(runs, name, config, data.fingerprint)
    run = check_resumed(config, resume)
    keep_pictures(data.fingerprint, run, data.train.name)
    return run


def check_resumed(config: RecognizerConfig, resume: Path) -> RunFolder:
    """Open the run to go on with, and check that it was trained by the same recipe.

    Raises:
        ConfigError: If the recipe differs in more than it may.
        PifrError: If ``resume`` is no run folder.
    """
    run = RunFolder.open(resume)
    keep_recipe(config, run, _MAY_CHANGE)
    return run
