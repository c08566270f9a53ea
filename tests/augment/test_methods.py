from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from pifr.augment.methods import Faces, FlipMethod, HeadModelMethod, IpganMethod, Poses, open_method
from pifr.core.errors import ConfigError, DependencyError
from pifr.data.spec import InputSpec

SPEC = InputSpec(size_px=64, template="t-64")
PIXELS = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


class TurningHead:
    """Stands for pifr.headmodel: writes yaw and first landmark into the picture."""

    name, sha256 = "head", "4" * 64

    def __init__(self, size_px: int, template: str) -> None:
        self.spec = InputSpec(size_px=size_px, template=template)

    def rotate(self, pixels: np.ndarray, landmarks: np.ndarray, yaws: np.ndarray) -> np.ndarray:
        made = np.repeat(pixels[:, None], len(yaws), axis=1)
        made[..., 0, 0, 0] = np.round(np.asarray(yaws) + 100)
        made[..., 0, 0, 1] = landmarks[:, :1, 0]
        return made


def poses(yaws, attempt=0, **values) -> Poses:
    return Poses(np.array(yaws, float), [f"v{index}" for index in range(len(yaws))], attempt=attempt, **values)


def test_flip_mirrors() -> None:
    method = FlipMethod(SPEC)
    entries = method.encode(Faces(PIXELS))
    made = method.draw([[entries[1]], [entries[0]]], poses([10, 20]))
    np.testing.assert_array_equal(made, PIXELS[[1, 0], :, ::-1])


def test_ipgan_fuses_by_the_mean_code(kit) -> None:
    method = IpganMethod(kit.MarkingRotator())
    codes = method.encode(Faces(np.stack([np.full((64, 64, 3), 40, np.uint8), np.full((64, 64, 3), 80, np.uint8)])))
    made = method.draw([codes, codes[:1]], poses([10, 20]))
    assert made[:, 0, 0].tolist() == [[60, 110, 0], [40, 120, 0]]


def test_a_retry_is_another_code_near_the_one_asked_for_and_the_same_whoever_stands_beside(kit) -> None:
    method = IpganMethod(kit.MarkingRotator())
    # One source: its code, its pixels, and its own pose code.
    code = [(np.array([50.0]), np.zeros((64, 64, 3), np.uint8), np.zeros(1))]
    both = method.draw([code, code], poses([0, 0], attempt=1))
    alone = method.draw([code], Poses(np.array([0.0]), ["v1"], attempt=1))
    assert both[0, 0, 0, 1] != both[1, 0, 0, 1]
    np.testing.assert_array_equal(both[1], alone[0])
    drawn = [method.draw([code], poses([0], attempt=number))[0, 0, 0, 1] for number in range(1, 40)]
    assert 10 < np.std(np.array(drawn, float)) < 20  # 15 % of a code of length 100


def test_the_head_model_gets_each_source_with_its_landmarks_and_its_own_yaws() -> None:
    method = HeadModelMethod(TurningHead(64, "t-64"))
    landmarks = np.arange(20, dtype=float).reshape(2, 5, 2)
    first, second = method.encode(Faces(PIXELS, landmarks))
    made = method.draw([[first], [second], [first]], poses([-60, 30, 90]))
    assert made[:, 0, 0, :2].tolist() == [[40, 0], [130, 10], [190, 0]]
    np.testing.assert_array_equal(made[:, 1:], PIXELS[[0, 1, 0], 1:])
    again = method.draw([[first]] * 30, poses([0] * 30, attempt=1))[:, 0, 0, 0].astype(float) - 100
    assert 2 < again.std() < 8  # 15 % of 30 degrees


def test_the_head_model_is_found_by_name_or_missed_in_one_line(monkeypatch) -> None:
    room = ModuleType("pifr.headmodel")
    monkeypatch.setitem(sys.modules, "pifr.headmodel", room)
    with pytest.raises(DependencyError, match=r"needs pifr\.headmodel.*--method ipgan, flip or none"):
        open_method("headmodel", None, "cpu", SPEC)
    room.HeadModelRotator = TurningHead
    assert open_method("headmodel", None, "cpu", SPEC).spec == SPEC


@pytest.mark.parametrize(
    ("kind", "model", "message"),
    [
        ("warp", None, "unknown method 'warp'"),
        ("ipgan", None, "needs a generator; name a run folder"),
        ("flip", "runs/x", "takes no generator; leave --model out"),
    ],
)
def test_a_method_that_can_t_be_opened_is_one_line(kind, model, message) -> None:
    with pytest.raises(ConfigError, match=message):
        open_method(kind, model, "cpu", SPEC)
