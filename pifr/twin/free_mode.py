"""Free training sets: people who are in no protocol, seen from any side, in any light, before any background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pifr.core.seeds import numpy_generator
from pifr.twin.config import FreeConfig
from pifr.twin.geometry import FIELD_M, direction_to, head_rotation
from pifr.twin.plan import Lighting, Sight, Take

FREE_PEOPLE_FROM = 100_000
"""Free people are numbered from here, so that none of them sits in the room."""


def free_takes(free: FreeConfig, seed: int) -> Iterator[Take]:
    """Yield the sittings of a free training set, person by person.

    Args:
        free: How many and how varied.
        seed: Another seed gives other people and pictures.
    """
    step = free.pictures_per_sitting
    for number in range(1, free.people + 1):
        for session, first in enumerate(range(0, free.pictures_per_person, step), start=1):
            yield _take(free, seed, number, session, range(first, min(first + step, free.pictures_per_person)))


def _take(free: FreeConfig, seed: int, number: int, session: int, pictures: range) -> Take:
    subject, person = f"F{number:05d}", FREE_PEOPLE_FROM + number
    expression = numpy_generator(seed, "free sitting", person, session).choice(free.expressions)

    def sight(picture: int) -> Sight:
        rng = numpy_generator(seed, "free picture", person, picture)
        yaw = rng.uniform(-1, 1) * free.max_yaw_degrees
        pitch = rng.uniform(-1, 1) * free.max_pitch_degrees
        roll = rng.normal(0, 3.0)
        red, green, blue = rng.normal(1, 0.04, 3)
        return Sight(
            camera="",
            stem=f"pictures/{subject}/{picture:04d}",
            rotation=head_rotation(yaw, pitch, roll),
            offset_m=rng.normal(0, 0.004, 3),
            field_m=FIELD_M * free.field_scale * rng.uniform(0.95, 1.08),
            gains=(red, green, blue),
            backdrop=f"free {person} {picture}",
            lightings=(_lighting(rng, yaw),),
            yaw=yaw,
            pitch=pitch,
            roll=roll,
        )

    return Take(subject, person, session, 1, str(expression), np.eye(3), tuple(map(sight, pictures)))


def _lighting(rng: np.random.Generator, camera_yaw_degrees: float) -> Lighting:
    # From the camera's side, since a face lit only from behind the head is no picture of a face.
    direction = direction_to(camera_yaw_degrees + rng.uniform(-80, 80), rng.uniform(-10, 60))
    red, green, blue = 1 + rng.normal(0, 0.06, 3)
    return Lighting("", direction, rng.uniform(0.2, 1.3), rng.uniform(0.25, 0.8), (red, green, blue))
