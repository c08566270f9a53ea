"""A small manifest with splits, and the smallest recipe that trains on it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pifr.core.config import check_config
from pifr.data.manifest import Manifest
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
