"""Each reason on its own: everything else is right in the picture at hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pifr.augment import AcceptanceConfig
from pifr.augment.acceptance import (
    ANOTHER_PERSON,
    BLURRED,
    DUPLICATE,
    NO_EMBEDDING,
    OTHER_IDENTITY,
    TEST_PERSON,
    WRONG_YAW,
    Acceptance,
    Seen,
)
from pifr.augment.calibration import References
from pifr.augment.quality import sharpness, thumbnails
from pifr.augment.timing import Clock
from pifr.data.spec import InputSpec

PICTURE = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
OTHER = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
PEOPLE = References(("a", "b"), np.eye(3, dtype=np.float32)[:2], 0.5)


class Says:
    """An embedder with one answer."""

    name, sha256, spec = "says", "3" * 64, InputSpec(size_px=16)

    def __init__(self, *vector: float) -> None:
        self.vector = np.array(vector, np.float32)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        assert pixels.shape[1:] == (16, 16, 3)
        return np.tile(self.vector, (len(pixels), 1))


def verdict(vector=(1, 0, 0), yaw=30.0, asked=30.0, seen=None, references=PEOPLE, **config) -> str:
    def estimator(pixels: np.ndarray) -> SimpleNamespace:
        return SimpleNamespace(yaw_degrees=np.full(len(pixels), yaw, np.float32))

    checks = Acceptance(AcceptanceConfig.model_validate(config), Says(*vector), references, estimator)
    measured = checks.measure(PICTURE, ["a"], np.array([asked]), Clock())
    return checks.reason(measured, 0, seen or Seen(float(sharpness(PICTURE)[0])))


def test_a_good_picture_passes() -> None:
    assert verdict() == ""


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        ((0.51, 0, 0.86), ""),
        ((0.49, 0, 0.87), OTHER_IDENTITY),
        ((0.6, 0.8, 0), ANOTHER_PERSON),
        ((0.8, 0.6, 0), ""),  # near another person, but nearer to the own
        ((0, 0, 0), NO_EMBEDDING),
        ((np.nan, 0, 0), NO_EMBEDDING),
    ],
)
def test_identity(vector, reason) -> None:
    assert verdict(vector) == reason


def test_a_picture_that_is_nearer_to_a_test_person_is_refused() -> None:
    tested = References(PEOPLE.subjects, PEOPLE.vectors, 0.5, ("t",), np.array([[0, 0, 1]], np.float32))
    assert verdict((0.6, 0, 0.8), references=tested) == TEST_PERSON
    assert verdict((0.8, 0, 0.6), references=tested) == ""


def test_without_a_threshold_identity_is_measured_only() -> None:
    assert verdict((0, 1, 0), references=References(PEOPLE.subjects, PEOPLE.vectors, None)) == ""


def test_yaw() -> None:
    assert verdict(yaw=51.0) == WRONG_YAW
    assert verdict(yaw=49.0) == ""
    assert verdict(yaw=80.0, asked=np.nan) == ""  # nobody asked for degrees
    assert verdict(yaw=80.0, max_yaw_error_degrees=None) == ""


def test_sharpness_is_a_share_of_the_source_s() -> None:
    own = float(sharpness(PICTURE)[0])
    assert verdict(seen=Seen(own * 11)) == BLURRED
    assert verdict(seen=Seen(own * 9)) == ""


def test_near_duplicates_of_what_there_is_are_rejected() -> None:
    own = float(sharpness(PICTURE)[0])
    twin = np.clip(PICTURE.astype(int) + 1, 0, 255).astype(np.uint8)
    assert verdict(seen=Seen(own, list(thumbnails(twin)))) == DUPLICATE
    assert verdict(seen=Seen(own, list(thumbnails(OTHER)))) == ""
    assert verdict(seen=Seen(own, list(thumbnails(twin))), min_difference=None) == ""


def test_alone_there_is_no_other_person() -> None:
    assert verdict(references=References(("a",), PEOPLE.vectors[:1], 0.5)) == ""
