"""Stand-ins whose pictures say what they were made from, and a real generator of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pifr.augment import AcceptanceConfig, AugmentConfig
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.spec import InputSpec

SIZE = 64


class MarkingRotator:
    """Writes the source's mean brightness into red and the pose into green, so that mix-ups show."""

    name = "marking"
    sha256 = "0" * 64

    def __init__(self) -> None:
        self.spec = InputSpec(size_px=SIZE)
        self.generated = self.encoded = 0

    def identity_codes(self, pixels: np.ndarray) -> np.ndarray:
        self.encoded += len(pixels)
        return pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True)

    pose_codes = staticmethod(lambda pixels: pixels.reshape(len(pixels), -1).mean(axis=1, keepdims=True))

    def poses_for_yaws(self, yaws: np.ndarray) -> np.ndarray:
        if np.abs(yaws).max() > 90:
            raise DataError("this generator turns faces by -90 to 90 degrees")
        return np.asarray(yaws, dtype=float)[:, None] + 100.0

    def generate(
        self, identity: np.ndarray, pose: np.ndarray, photographs: np.ndarray, seen_from: np.ndarray
    ) -> np.ndarray:
        # The first of several sources is carried over; here it says nothing, but it must be one of the fused.
        assert photographs.shape == (len(identity), SIZE, SIZE, 3)
        assert np.array_equal(seen_from, self.pose_codes(photographs))
        self.generated += len(identity)
        pictures = np.zeros((len(identity), SIZE, SIZE, 3), np.uint8)
        pictures[..., 0] = np.round(identity[:, 0])[:, None, None]
        pictures[..., 1] = np.clip(np.round(pose[:, 0]), 0, 255)[:, None, None]
        return pictures


class MeanColour:
    """An embedder that sees colour alone."""

    name = "mean colour"
    sha256 = "1" * 64
    spec = InputSpec(size_px=SIZE)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return pixels.reshape(len(pixels), -1, 3).mean(axis=1).astype(np.float32)


NO_CHECKS = AcceptanceConfig(
    fmr=None, min_identity_cosine=None, max_yaw_error_degrees=None, min_sharpness=None, min_difference=None,
    retries=0, retry_spread=0.15,
)  # fmt: skip


def people(rows: list[tuple[str, str, float]], **columns: list[object]) -> Manifest:
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw"]).assign(**columns)
    return make_manifest(table, Path("pictures"), "people.csv")


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The stand-ins by name, since tests are no package to import from."""
    return SimpleNamespace(MarkingRotator=MarkingRotator, MeanColour=MeanColour, people=people, unchecked=unchecked)


def unchecked(**values: object) -> AugmentConfig:
    return AugmentConfig.model_validate({"acceptance": NO_CHECKS, **values})


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A generator of random weights, saved as 'ipgan train' saves one."""
    import torch

    from ipgan import Rotator
    from ipgan.config import ModelConfig
    from ipgan.networks import build_rotation
    from ipgan.pose_map import PoseMap
    from pifr.core.config import check_config

    values = {
        "generator_channel_base": 256, "encoder_channel_base": 128, "discriminator_channel_base": 128,
        "pose_channel_base": 128, "channel_max": 16, "identity_dim": 16, "pose_dim": 4, "style_dim": 16,
    }  # fmt: skip
    torch.manual_seed(0)
    rotation = build_rotation(check_config(ModelConfig, values, "test"), 64)
    poses = PoseMap(np.array([-90.0, 90.0]), np.array([[0, 0, 0, 0], [1, 1, 1, 1]], np.float32))
    rotator = Rotator(rotation, InputSpec(size_px=64), poses, "random", "", torch.device("cpu"), "float32")
    return str(rotator.save(tmp_path_factory.mktemp("model") / "weights"))


@pytest.fixture(scope="session")
def noisy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Manifest]:
    """A function that writes pictures of noise, each person's their own, a row of ``(subject, yaw)`` each."""

    def make(rows: list[tuple[str, float]], size_px: int = SIZE, **columns: list[object]) -> Manifest:
        folder = tmp_path_factory.mktemp("noisy")
        table = []
        for number, (subject, yaw) in enumerate(rows):
            random = np.random.default_rng([*subject.encode(), abs(int(yaw))])
            pixels = random.integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number:03d}.png")
            table.append((f"{number:03d}.png", subject, yaw))
        frame = pd.DataFrame(table, columns=["path", "subject", "yaw"]).assign(**columns)
        return make_manifest(frame, folder, str(folder / "people.csv"))

    return make


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve people of coloured noise at seven yaws, 64 px, one folder a person; read only."""
    folder = tmp_path_factory.mktemp("faces")
    rows = []
    for person in range(12):
        subject = f"{person + 1:03d}"
        (folder / subject).mkdir()
        for yaw in (-90, -60, -30, 0, 30, 60, 90):
            random = np.random.default_rng([person, yaw + 90])
            pixels = np.array([50 + 14 * person, 120, 25]) + random.integers(-25, 26, (SIZE, SIZE, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / subject / f"{yaw:+04d}.png")
            rows.append((f"{subject}/{yaw:+04d}.png", subject, float(yaw), "rendered", "01"))
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "kind", "session"])
    return make_manifest(table, folder, str(folder / "manifest.csv")).save(folder / "manifest.csv")
