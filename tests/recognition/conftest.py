"""A small manifest with splits, and the smallest recipe that trains on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ipgan import Rotator
from ipgan.config import ModelConfig
from ipgan.networks import build_rotation
from ipgan.pose_map import PoseMap
from pifr.core.config import check_config
from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec
from pifr.data.split import split_by_person
from pifr.recognition.config import RecognizerConfig


@pytest.fixture(scope="session")
def people(rendered: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Eight people to learn from, four to validate on, seven yaws each; read only."""
    parts = split_by_person(rendered, {"train": 8, "val": 4}, seed=0)
    return parts.save(tmp_path_factory.mktemp("people") / "manifest.csv")


@pytest.fixture
def recipe(people: Manifest) -> Callable[..., RecognizerConfig]:
    """A function of keys to override."""

    def make(**changes: object) -> RecognizerConfig:
        values: dict[str, object] = {
            "data": {"manifest": people.name},
            "backbone": {"width": 0.125, "embedding_dim": 16},
            "batch": {"people": 4, "pictures": 2},
            "optimization": {"warmup_steps": 2, "lr": 0.05},
            "intervals": {"status": 1, "validation": 4, "checkpoint": 3},
            "steps": 8,
        }
        return check_config(RecognizerConfig, {**values, **changes}, "test")

    return make


@pytest.fixture(scope="session")
def trained(people: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a recogniser trained for a few steps; read only."""
    from pifr.recognition.training import train_recognizer

    config = check_config(
        RecognizerConfig,
        {
            "data": {"manifest": people.name},
            "backbone": {"width": 0.125, "embedding_dim": 16},
            "batch": {"people": 8, "pictures": 2},
            "optimization": {"warmup_steps": 5, "lr": 0.1},
            "intervals": {"status": 10, "validation": 10, "checkpoint": 20},
            "steps": 30,
        },
        "test",
    )
    return train_recognizer(config, tmp_path_factory.mktemp("runs"), device="cpu").run.path


def _save_generator(folder: Path, seed: int = 0) -> Path:
    """Write a generator of random weights at 64 px that knows -90 to 90 degrees."""
    torch.manual_seed(seed)
    sizes = {
        "generator_channel_base": 256, "encoder_channel_base": 128, "discriminator_channel_base": 128,
        "pose_channel_base": 128, "channel_max": 16, "identity_dim": 16, "pose_dim": 4, "style_dim": 16,
    }  # fmt: skip
    rotation = build_rotation(check_config(ModelConfig, sizes, "test"), 64)
    pose_map = PoseMap(np.array([-90.0, 90.0]), np.array([[-1] * 4, [1] * 4], dtype=np.float32))
    spec = InputSpec(size_px=64, template="unaligned")
    return Rotator(rotation, spec, pose_map, "random", "", torch.device("cpu")).save(folder)


@pytest.fixture(scope="session")
def save_generator() -> Callable[..., Path]:
    """A function of a folder and a seed that writes a generator there."""
    return _save_generator


@pytest.fixture(scope="session")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of random weights; read only."""
    return _save_generator(tmp_path_factory.mktemp("generator") / "saved")


class Quarters:
    """A judge that sees the mean colour of a picture's quarters."""

    spec = InputSpec(size_px=64, template="unaligned")
    name, sha256 = "quarters", "1" * 64

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.calls += 1
        return pixels.reshape(len(pixels), 2, 32, 2, 32, 3).mean((2, 4)).reshape(len(pixels), -1).astype(np.float32)


@pytest.fixture
def judge() -> Quarters:
    """A judge that counts how often it is asked."""
    return Quarters()


@pytest.fixture
def run_two() -> Callable[..., list[str]]:
    """A function that runs a script with arguments on two gloo processes and returns what each printed."""

    def run(script: Path, *arguments: str) -> list[str]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes = []
        for rank in range(2):
            environment = {
                **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
            }  # fmt: skip
            command = [sys.executable, str(script), *arguments]
            processes.append(
                subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        try:
            told = [process.communicate(timeout=400) for process in processes]
        finally:
            for process in processes:
                process.kill()
        assert all(process.returncode == 0 for process in processes), told
        return [out for out, _ in told]

    return run
