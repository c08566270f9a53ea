"""Curves: written where asked for, hidden behind a resumed step, and one line without the package."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pifr.core.errors import DependencyError
from pifr.core.tensorboard import open_tensorboard


def test_points_can_be_read_back(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with open_tensorboard(tmp_path, 1) as curves:
        for step in (1, 2, 3):
            curves(step, {"loss": 1.0 / step, "note": "no number", "missing": None})
    with open_tensorboard(tmp_path, 3) as curves:  # resumed after step 2
        curves(3, {"loss": 7.0})
    events = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert events.Tags()["scalars"] == ["loss"]
    assert [(point.step, point.value) for point in events.Scalars("loss")] == [(1, 1.0), (2, 0.5), (3, 7.0)]


def test_without_a_folder_nothing_is_written(tmp_path: Path) -> None:
    with open_tensorboard(None) as curves:
        curves(1, {"loss": 1.0})
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with (
        pytest.raises(DependencyError, match=r"--tensorboard needs the package 'tensorboard'.*pifr-toolkit\[tensorb"),
        open_tensorboard(tmp_path / "curves"),
    ):
        pass
    assert not (tmp_path / "curves").exists()
