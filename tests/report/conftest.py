"""A small benchmark to report on."""

from __future__ import annotations

import numpy as np
import pytest

from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec
from pifr.evaluation import BenchmarkResult, Measure, evaluate


class Grid:
    """Pixels on a coarse grid, minus their mean."""

    sha256 = "0" * 64
    spec = InputSpec(size_px=64)

    def __init__(self, name: str, step: int) -> None:
        self.name, self.step = name, step

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        grid = pixels[:, 4 :: self.step, 4 :: self.step].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


@pytest.fixture(scope="session")
def result(rendered: Manifest, tmp_path_factory: pytest.TempPathFactory) -> BenchmarkResult:
    """Two systems, one with a name that must be escaped; saved; read only."""
    systems = [Grid("fine", 4), Grid("coarse <b>&", 16)]
    folder = tmp_path_factory.mktemp("benchmark")
    return evaluate(rendered, systems, out=folder, measure=Measure(rounds=60), by=["expression"])


@pytest.fixture(autouse=True)
def small_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps of a few pictures: t-SNE of hundreds takes seconds, and every page draws some."""
    monkeypatch.setattr("pifr.report.maps._MOST_PICTURES", 21)
