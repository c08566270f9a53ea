"""Where the yaw of generated views is measured, and what is said where it can't be."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from pifr.cli.benchmark_preservation import yaw_estimator
from pifr.core.errors import CheckpointError


def fake_room(monkeypatch, estimate_pose):
    monkeypatch.setitem(sys.modules, "pifr.pose", SimpleNamespace(estimate_pose=estimate_pose))


def test_the_pose_room_is_asked_pixels_for_degrees(monkeypatch):
    def estimate_pose(pixels, device):
        assert device == "cpu"
        return SimpleNamespace(yaw_degrees=pixels[:, 0, 0, 0] - 100.0)

    fake_room(monkeypatch, estimate_pose)
    estimate = yaw_estimator("cpu")
    pixels = np.full((3, 8, 8, 3), 145, np.uint8)
    assert estimate(pixels).tolist() == [45.0] * 3


@pytest.mark.parametrize("reason", ["no room", "no weights"])
def test_without_an_estimator_one_line_says_so(monkeypatch, capsys, reason):
    def broken(pixels, device):
        raise CheckpointError("weights file not found", where="pose.safetensors")

    if reason == "no room":
        monkeypatch.setitem(sys.modules, "pifr.pose", None)
    else:
        fake_room(monkeypatch, broken)
    assert yaw_estimator("cpu") is None
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "yaw error is not measured" in told
