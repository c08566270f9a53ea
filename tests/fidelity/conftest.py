"""A generator of six steps that knows degrees, and people it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ipgan import Rotator, train
from ipgan.config import TrainConfig
from pifr.core.config import check_config
from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec
from pifr.data.split import split_by_person

SMALL: dict[str, Any] = {
    "data": {"size_px": 32},
    "model": {
        "generator_channel_base": 256, "encoder_channel_base": 128, "discriminator_channel_base": 128,
        "pose_channel_base": 128, "channel_max": 16, "identity_dim": 16, "pose_dim": 4, "style_dim": 16,
    },
    "optimizer": {"r1_every": 2, "lr_warmup_steps": 0},
    "batch_size": 8, "steps": 6, "tick_steps": 6, "grid_steps": 0, "checkpoint_steps": 6, "precision": "float32",
}  # fmt: skip


class Thumbnail:
    """An embedder that remembers a coarse picture; enough to tell rendered people apart now and then."""

    name, sha256, spec = "thumbnail", "0" * 64, InputSpec(size_px=8)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return (pixels.reshape(len(pixels), -1) - 127.5).astype(np.float32)


@pytest.fixture(scope="session")
def thumbnail() -> Thumbnail:
    return Thumbnail()


@pytest.fixture(scope="session")
def people(rendered: Manifest) -> Manifest:
    """Eight people to train on, four unseen in the split ``test``."""
    return split_by_person(rendered, {"train": 8, "test": 4}, seed=0)


@pytest.fixture(scope="session")
def generator_run(people: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a generator of six steps."""
    folder = tmp_path_factory.mktemp("fidelity")
    people.save(folder / "people.csv")
    values = {**SMALL, "data": {**SMALL["data"], "manifest": str(folder / "people.csv")}}
    return train(check_config(TrainConfig, values, "test"), folder / "runs", device="cpu").run.path


@pytest.fixture(scope="session")
def generator(generator_run: Path) -> Rotator:
    return Rotator.load(generator_run, "cpu")
