"""Embedders that need no training, and a small benchmark that several tests look at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec
from pifr.evaluation import BenchmarkResult, Measure, evaluate


class Small:
    """Pixels on a coarse grid, minus their mean: weak, but it tells frontal heads apart."""

    def __init__(self, name: str = "small", step: int = 6, size_px: int = 64) -> None:
        self.name, self.step, self.sha256 = name, step, "0" * 64
        self.spec = InputSpec(size_px=size_px)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        grid = pixels[:, 4 :: self.step, 4 :: self.step].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


class Replace:
    """An embedder whose vectors are changed on their way out."""

    def __init__(self, change: Callable[[np.ndarray], np.ndarray], name: str = "changed") -> None:
        self.inner, self.change = Small(), change
        self.name, self.spec, self.sha256 = name, self.inner.spec, "1" * 64

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self.change(self.inner(pixels))


@pytest.fixture
def small() -> Small:
    return Small()


@pytest.fixture
def replace() -> Callable[..., Replace]:
    return Replace


@pytest.fixture(scope="session")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmark")


@pytest.fixture(scope="session")
def result(rendered: Manifest, benchmark_folder: Path) -> BenchmarkResult:
    """Two systems on the rendered people, saved; read only."""
    systems = [Small("fine", 4), Small("coarse", 16)]
    return evaluate(rendered, systems, out=benchmark_folder, measure=Measure(rounds=100))
