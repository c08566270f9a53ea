"""Opening, saving and resuming a recogniser's run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pifr.backbones import BEST_FOLDER, KIND
from pifr.core.checkpoint import latest_checkpoint, list_checkpoints, load_modules, save_checkpoint
from pifr.core.config import load_config
from pifr.core.distributed import broadcast_text, is_main
from pifr.core.errors import CheckpointError, ConfigError
from pifr.core.runs import RunFolder
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.optimization import GuardedStep
from pifr.recognition.training_data import TrainingData
from pifr.recognition.validation import ValidationFigures

_MAY_CHANGE = {"steps", "intervals", "precision"}
"""What a resumed run may change; all else would make it another run."""


@dataclass
class RunState:
    """A run on disk and what of it lives in memory.

    Attributes:
        run: The folder.
        config: The recipe.
        data: Pictures and people.
        modules: ``backbone`` and ``loss``, not wrapped for several processes.
        optimizer: Their optimizer.
        guard: Counts of steps left out.
        best: Figures of the best checkpoint so far.
        best_step: Its step.
    """

    run: RunFolder
    config: RecognizerConfig
    data: TrainingData
    modules: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    guard: GuardedStep
    best: ValidationFigures | None = None
    best_step: int | None = None

    def save(self, step: int) -> None:
        """Write a checkpoint to resume from, on the main process."""
        if not is_main():
            return
        state = {
            "optimizer": self.optimizer.state_dict(),
            "guard": self.guard.state_dict(),
            "best": self.best.to_dict() if self.best else None,
            "best_step": self.best_step,
        }
        save_checkpoint(self.run.checkpoints, step, self.modules, state, self._meta(None))

    def keep_if_best(self, step: int, figures: ValidationFigures) -> None:
        """Write the backbone to ``best/`` if validation never went better."""
        if not figures.better_than(self.best):
            return
        self.best, self.best_step = figures, step
        backbone = {"backbone": self.modules["backbone"]}
        save_checkpoint(self.run.path / BEST_FOLDER, step, backbone, {}, self._meta(figures), keep_last=1)

    def resume(self) -> int:
        """Load the latest checkpoint and cut the history there; return the number of steps done.

        A run that was killed before its first checkpoint starts again at step 0.

        Raises:
            CheckpointError: If the checkpoint is damaged, or the run was started on other pictures.
        """
        if self.run.environment()["data_fingerprint"] != self.data.fingerprint:
            raise CheckpointError(
                "this run was trained on another manifest, or its pictures changed since", where=self.run.path,
                found=self.data.train.name, cure="start a new run, or put the old pictures back",
            )  # fmt: skip
        if not list_checkpoints(self.run.checkpoints):
            self._cut_history(0)
            return 0
        checkpoint = latest_checkpoint(self.run.checkpoints)
        state = checkpoint.training_state()
        load_modules(checkpoint.weights(), self.modules, checkpoint.path)
        self.optimizer.load_state_dict(state["optimizer"])
        self.guard.load_state_dict(state["guard"])
        self.best = ValidationFigures(**state["best"]) if state["best"] else None
        self.best_step = state["best_step"]
        self._cut_history(checkpoint.step)
        return checkpoint.step

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
            "data_folders": [
                str(Path(path).resolve().parent) for path in (self.config.data.manifest, *self.config.data.extra)
            ],
            "validation": figures.to_dict() if figures else None,
        }


def open_run(config: RecognizerConfig, runs: Path, resume: Path | None, data: TrainingData) -> RunFolder:
    """Make a run folder on the main process, or open the one to resume; all processes learn its path.

    Raises:
        ConfigError: If the resumed run's recipe differs in more than steps, intervals and precision.
        PifrError: If ``resume`` is no run folder.
    """
    if resume is not None:
        run = RunFolder.open(resume)
        _refuse_other_recipe(config, run)
        return run
    made = ""
    if is_main():
        name = f"train-recognizer-{config.name or config.backbone.name}"
        made = str(RunFolder.create(runs, name, config, data.fingerprint).path)
    return RunFolder(Path(broadcast_text(made)))


def _refuse_other_recipe(config: RecognizerConfig, run: RunFolder) -> None:
    before = load_config(RecognizerConfig, run.config_path).model_dump(exclude=_MAY_CHANGE)
    now = config.model_dump(exclude=_MAY_CHANGE)
    changed = sorted(key for key in now if now[key] != before[key])
    if changed:
        raise ConfigError(
            "a resumed run keeps its recipe, but for steps, intervals and precision", where=run.config_path,
            found=f"another {', '.join(changed)}", cure="start a new run",
        )  # fmt: skip
