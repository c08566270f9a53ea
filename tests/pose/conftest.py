"""A pose data set of rendered people: quick to make, and a network learns it in a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pifr.core.config import check_config
from pifr.data.manifest import Manifest, make_manifest
from pifr.pose.config import PoseConfig
from pifr.pose.training_data import PoseData, read_data

SMALL = {
    "folder": "unused", "test_people": 2, "steps": 4, "batch_size": 8, "status_every": 1, "checkpoint_every": 2,
    "network": {"size_px": 32, "channels": [8, 16]}, "precision": "float32",
    "twin": {"size_px": 64, "free": {"people": 12}},
}  # fmt: skip


@pytest.fixture
def small_config() -> PoseConfig:
    return check_config(PoseConfig, SMALL, "test")


@pytest.fixture(scope="session")
def posed(rendered: Manifest) -> Manifest:
    """The rendered people with a pitch."""
    return make_manifest(rendered.table.assign(pitch=0.0), Path(rendered.folder), rendered.name)


@pytest.fixture(scope="session")
def pose_data(posed: Manifest) -> PoseData:
    data = read_data(posed, check_config(PoseConfig, SMALL, "test"))
    assert np.isfinite(data.angles).all()
    return data
