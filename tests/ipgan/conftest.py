"""A recipe so small that a training step takes milliseconds, and one finished run to look at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ipgan import TrainConfig, TrainResult, train
from pifr.core.config import check_config
from pifr.data.manifest import Manifest
from pifr.data.split import split_by_person

SMALL: dict[str, Any] = {
    "data": {"size_px": 32},
    "model": {
        "generator_channel_base": 256, "encoder_channel_base": 128, "discriminator_channel_base": 128,
        "pose_channel_base": 128, "channel_max": 16, "identity_dim": 16, "pose_dim": 4, "style_dim": 16,
    },
    "optimizer": {"r1_every": 2, "lr_warmup_steps": 0},
    "batch_size": 8, "steps": 6, "tick_steps": 2, "grid_steps": 0, "checkpoint_steps": 2, "precision": "float32",
}  # fmt: skip


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay ``changes`` over ``values``, mapping by mapping."""
    both = dict(values)
    for key, value in changes.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and key in both else value
    return both


def small_config(manifest: Path, **changes: Any) -> TrainConfig:
    """Return the small recipe with some keys changed."""
    values = merged(SMALL, changes)
    return check_config(TrainConfig, merged(values, {"data": {"manifest": str(manifest)}}), "test")


@pytest.fixture(scope="session")
def small_recipe() -> Callable[..., TrainConfig]:
    """The maker of small recipes: ``small_recipe(manifest, losses={"kl": 0})``."""
    return small_config


@pytest.fixture(scope="session")
def people(rendered: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered people, nine to train on, three unseen."""
    path = tmp_path_factory.mktemp("split") / "people.csv"
    split_by_person(rendered, {"train": 9, "val": 3}, seed=0).save(path)
    return path


@pytest.fixture(scope="session")
def trained(people: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """A finished run of six steps; read only."""
    return train(small_config(people), tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="session")
def train_on_two_processes() -> Callable[[TrainConfig, Path], Path]:
    """The runner of a recipe under torchrun, on two processes with gloo; it returns the run's folder."""

    def run(recipe: TrainConfig, folder: Path) -> Path:
        path = folder / "recipe.yaml"
        path.write_text(recipe.to_yaml())
        program = [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m", "ipgan",
            "train", str(path), "--runs", str(folder / "runs"), "--device", "cpu",
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stderr[-12000:]  # torchrun tells its own story last
        (made,) = (folder / "runs").iterdir()
        return made

    return run
