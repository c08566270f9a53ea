from __future__ import annotations

import os
from pathlib import Path

import pytest

from pifr.core.errors import PifrError
from pifr.core.interrupt import StopRequest
from pifr.twin.config import TwinConfig
from pifr.twin.pool import finished_takes
from pifr.twin.room import room_takes

CONFIG = TwinConfig(people=2, sessions=(1,), recordings=(1,), cameras=("05_1",), lights=("07",), size_px=32)


class Deadly:
    """A take that kills the worker process which unpacks it, as a lack of memory would."""

    def __reduce__(self) -> tuple[object, ...]:
        return os._exit, (1,)


def test_a_worker_that_dies_is_one_clear_line_and_no_hanging_process(tmp_path: Path) -> None:
    with pytest.raises(PifrError, match="worker process died"):
        list(finished_takes([Deadly() for _ in range(6)], CONFIG, tmp_path, 2, StopRequest()))


def test_thread_limits_are_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    assert list(finished_takes([], CONFIG, tmp_path, 2, StopRequest())) == []
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert "MKL_NUM_THREADS" not in os.environ


def test_nothing_is_handed_out_after_a_stop(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.requested = True
    assert list(finished_takes(list(room_takes(CONFIG)), CONFIG, tmp_path, 2, stop)) == []
    assert not list(tmp_path.rglob("*.png"))
