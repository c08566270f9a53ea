"""Which of the best checkpoints stay on disk, whenever the run is killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import nn

from pifr.core.checkpoint import list_checkpoints
from pifr.core.runs import RunFolder
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.model import Model
from pifr.recognition.optimization import GuardedStep, build_optimizer
from pifr.recognition.run_state import RunState
from pifr.recognition.training_data import TrainingData, read_training_data
from pifr.recognition.validation import ValidationFigures

Start = Callable[[], RunState]


@pytest.fixture
def start(recipe: Callable[..., RecognizerConfig], tmp_path: Path) -> Start:
    """A function that begins with fresh memory on one run folder."""
    config = recipe(intervals={"keep_best": 2})
    data: TrainingData = read_training_data(config)
    run = RunFolder.create(tmp_path, "run", config, data.fingerprint)

    def begin() -> RunState:
        backbone = nn.Linear(2, 2)
        model = Model(backbone, nn.Linear(2, 2), backbone)
        optimizer: torch.optim.Optimizer = build_optimizer(model.trained(), config.optimization)
        guard = GuardedStep(optimizer, model.trained(), config.optimization)
        return RunState(run, config, data, model, optimizer, guard)

    return begin


def figures(rank1: float) -> ValidationFigures:
    return ValidationFigures(rank1=rank1, eer=0.1, people=4, probes=8, failed=0)


def steps(state: RunState, folder: str) -> list[int]:
    return [checkpoint.step for checkpoint in list_checkpoints(state.run.path / folder)]


def test_a_new_best_is_never_taken_for_an_older_one(start: Start) -> None:
    state = start()
    state.keep_if_best(4, figures(0.5))
    state.save(4)
    state.keep_if_best(8, figures(0.7))  # killed here: no checkpoint knows of it
    state = start()
    assert state.resume() == 4
    assert (steps(state, "best"), state.best_step) == ([4], 4)
    state.keep_if_best(6, figures(0.6))  # validation comes at other steps now
    assert steps(state, "best")[-1] == 6
    state.save(6)
    assert (steps(state, "best"), steps(state, "top")) == ([6], [4, 6])


def test_a_run_without_a_checkpoint_begins_without_a_best_one(start: Start) -> None:
    start().keep_if_best(2, figures(0.5))
    state = start()
    assert state.resume() == 0
    assert steps(state, "best") == steps(state, "top") == []


def test_saving_leaves_one_best_and_as_many_on_top_as_asked_for(start: Start) -> None:
    state = start()
    for step in range(1, 5):
        state.keep_if_best(step, figures(step / 10))
        state.save(step)
    assert (steps(state, "best"), steps(state, "top")) == ([4], [3, 4])
    assert cast(ValidationFigures, state.best).rank1 == 0.4
