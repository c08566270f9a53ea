"""Swap consistency of a generator whose codes are known: angles, and what of the driver's pose gets into them."""

from types import SimpleNamespace

import numpy as np
import pytest

from pifr.fidelity.swap import measure_swap
from pifr.metrics import person_weights

IDENTITY_DEGREES = np.array([0.0, 60.0, 120.0])
POSE_DEGREES = np.array([0.0, 10.0, 30.0])


class Angles:
    """A picture is two angles, its person's and its pose's; ``leak`` of the pose turns the person of a view."""

    def __init__(self, leak=0.0):
        self.leak = leak

    def pose_codes(self, pictures):
        return pictures[:, 1:]

    def identity_codes(self, pictures):
        angle = np.radians(pictures[:, 0])
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def generate(self, identity, pose, photographs, seen_from):
        angle = np.degrees(np.arctan2(identity[:, 1], identity[:, 0]))
        np.testing.assert_allclose(angle, photographs[:, 0])  # the photograph is that of the person who is drawn
        return np.stack([angle + self.leak * pose[:, 0], pose[:, 0]], axis=1)


def trial(people=3):
    """Return one source and one true view at 45 degrees of each person."""
    sources = np.stack([IDENTITY_DEGREES, np.zeros(3)], axis=1)[:people]
    views = np.stack([IDENTITY_DEGREES, POSE_DEGREES], axis=1)[:people]
    return SimpleNamespace(
        store=np.concatenate([sources, views]), source=np.arange(people), true=np.arange(people) + people,
        person=np.arange(people), yaw_degrees=np.full(people, 45.0),
    )  # fmt: skip


def cosine(*degrees):
    return np.cos(np.radians(degrees)).mean()


def test_a_person_whom_no_driver_changes_stays_the_same():
    found = measure_swap(Angles(), trial(), person_weights(3, 20))
    assert found.same_person.value == pytest.approx(1.0)
    assert found.different_people.value == pytest.approx(cosine(60, 60, 120))
    assert (found.same_person.trials, found.different_people.trials) == (3, 3)


def test_what_of_the_driver_gets_into_the_person_is_told():
    found = measure_swap(Angles(leak=1.0), trial(), person_weights(3, 20))
    # Driven by 10 and 30 degrees, 30 and 0, 0 and 10; two people by one driver move alike.
    assert found.same_person.value == pytest.approx(cosine(20, 30, 10))
    assert found.different_people.value == pytest.approx(cosine(60, 60, 120))


def test_two_people_drive_nobody():
    assert measure_swap(Angles(), trial(people=2), person_weights(2, 20)) is None
