"""Views drawn inside the training step: what can't be used is said in one line, and a run resumes exactly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ipgan import Rotator
from pifr.core.checkpoint import latest_checkpoint
from pifr.core.config import load_config
from pifr.core.errors import CheckpointError, ConfigError, DataError
from pifr.data.manifest import Manifest
from pifr.data.pixels import open_pixels_once
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.on_the_fly import open_on_the_fly
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.training import train_recognizer
from pifr.recognition.training_data import read_training_data

Recipe = Callable[..., RecognizerConfig]


def test_poses_below_the_threshold_are_never_drawn(recipe: Recipe, generator: Path, judge: Any) -> None:
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator = Rotator.load(generator, "cpu")
    everything = open_on_the_fly(OnTheFlyConfig(generator="x"), data, store, rotator, None)
    assert (everything.yaw_odds.odds > 0).all()
    with pytest.raises(DataError, match="no pose of any source is accepted, found 1, the best view has"):
        open_on_the_fly(OnTheFlyConfig(generator="x", min_cosine=1.0), data, store, rotator, judge)


def test_what_can_not_be_used_is_one_line(recipe: Recipe, people: Manifest, generator: Path, tmp_path: Path) -> None:
    def train(**changes: object) -> None:
        view = {"generator": str(generator), **changes.pop("view", {})}  # type: ignore[dict-item]
        train_recognizer(recipe(steps=1, on_the_fly=view, **changes), tmp_path, device="cpu")

    with pytest.raises(ConfigError, match=r"min_cosine needs on_the_fly.judge"):
        train(view={"min_cosine": 0.5})
    with pytest.raises(ConfigError, match=r"no place in a batch with batch.generated_share=0"):
        train(batch={"generated_share": 0})
    with pytest.raises(DataError, match="pictures of another size than the recogniser takes, found 64 and 80 px"):
        train(size_px=80)
    with pytest.raises(DataError, match="turns faces by -90 to 90 degrees, found a request for -120"):
        train(view={"largest_yaw_degrees": 120})
    table = people.table.assign(path=[str(path) for path in people.paths])
    table[table["yaw"].abs() == 90].to_csv(tmp_path / "profiles.csv", index=False)
    with pytest.raises(DataError, match="nobody has a real picture frontal enough"):
        train(data={"manifest": str(tmp_path / "profiles.csv"), "validation_split": None})
    assert [path.name for path in tmp_path.iterdir()] == ["profiles.csv"]


def test_a_resumed_run_draws_the_same_views(recipe: Recipe, generator: Path, tmp_path: Path) -> None:
    changes = {
        "on_the_fly": {"generator": str(generator), "bin_degrees": 30},
        "mixing": {"generated_weight": 0.5, "separate_statistics": True, "curriculum_share": 0.5},
        "optimization": {"warmup_steps": 0, "schedule": "constant", "ema_half_life_steps": 4},
        "intervals": {"validation": 2, "checkpoint": 2, "keep_best": 2}, "precision": "bfloat16",
    }  # fmt: skip
    run = train_recognizer(recipe(steps=4, **changes), tmp_path, device="cpu").run
    unbroken = latest_checkpoint(run.checkpoints).weights()
    assert {name.partition(".")[0] for name in unbroken} == {"backbone", "trained", "auxiliary", "loss"}
    assert not torch.equal(unbroken["backbone.embedding.weight"], unbroken["trained.embedding.weight"])
    top = sorted(path.name for path in (run.path / "top").iterdir())
    assert top == ["step-00000002", "step-00000004"]
    shutil.rmtree(run.checkpoints / "step-00000004")
    train_recognizer(recipe(steps=4, **changes), tmp_path, resume=run.path, device="cpu")
    resumed = latest_checkpoint(run.checkpoints).weights()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in unbroken.items())
    assert sorted(path.name for path in (run.path / "top").iterdir()) == top


def test_a_run_resumed_with_another_generator_is_refused(
    recipe: Recipe, save_generator: Callable[..., Path], tmp_path: Path
) -> None:
    config = recipe(steps=1, on_the_fly={"generator": str(save_generator(tmp_path / "generator"))})
    run = train_recognizer(config, tmp_path / "runs", device="cpu").run
    shutil.rmtree(tmp_path / "generator")
    save_generator(tmp_path / "generator", seed=1)
    longer = config.model_copy(update={"steps": 2})
    with pytest.raises(CheckpointError, match="generated its views with other weights"):
        train_recognizer(longer, tmp_path / "runs", resume=run.path, device="cpu")
    assert load_config(RecognizerConfig, run.config_path) == config  # a refused recipe is not the run's
