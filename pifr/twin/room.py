"""The Multi-PIE room: who came when, how they held their heads, how the cameras hung that day."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from pifr.core.seeds import numpy_generator
from pifr.twin.config import TwinConfig
from pifr.twin.geometry import FIELD_M, FloatArray, camera_rotation, direction_to, head_angles, head_rotation
from pifr.twin.layout import multi_pie_stem
from pifr.twin.plan import Lighting, Sight, Take
from pifr.twin.tables import Light, cameras, lights, recordings, sessions_of

_HEAD_OF_SITTING = (2.0, 2.0, 1.2)
_HEAD_OF_MOMENT = (0.8, 0.8, 0.4)
"""Standard deviations of yaw, pitch and roll in degrees."""
_CAMERA_DEGREES = 0.6
_AIM_M = 0.003


def room_takes(config: TwinConfig) -> Iterator[Take]:
    """Yield what the room records, person by person."""
    lightings = tuple(room_lighting(lights()[name]) for name in config.lights)
    for person in config.person_numbers:
        for session in sorted(set(config.sessions) & set(sessions_of(person))):
            for recording, expression in enumerate(recordings(session), start=1):
                if recording in config.recordings:
                    yield _take(config, person, session, recording, expression, lightings)


def room_lighting(light: Light) -> Lighting:
    """Return the lighting of one of Multi-PIE's twenty ids."""
    direction = direction_to(light.yaw_degrees, light.elevation_degrees) if light.flash else None
    return Lighting(light.name, direction)


def _take(
    config: TwinConfig, person: int, session: int, recording: int, expression: str, lightings: tuple[Lighting, ...]
) -> Take:
    sitting = numpy_generator(config.seed, "head pose", person, session)
    moment = numpy_generator(config.seed, "head pose", person, session, recording)
    head = head_rotation(*(sitting.normal(0, _HEAD_OF_SITTING) + moment.normal(0, _HEAD_OF_MOMENT)))
    # Drawn for all cameras, so that a camera's draw does not depend on which others were asked for.
    aims = dict(zip(cameras(), moment.normal(0, _AIM_M, (len(cameras()), 3)), strict=True))
    subject = f"{person:03d}"

    def sight(camera: str) -> Sight:
        rotation = _camera_of_session(config.seed, session, camera)
        yaw, pitch, roll = head_angles(rotation @ head)
        return Sight(
            camera=camera,
            stem=multi_pie_stem(subject, session, recording, camera),
            rotation=rotation,
            offset_m=aims[camera],
            field_m=FIELD_M,
            gains=cameras()[camera].gains,
            backdrop=f"{camera} {session}",
            lightings=lightings,
            yaw=float(yaw),
            pitch=float(pitch),
            roll=float(roll),
        )

    return Take(subject, person, session, recording, expression, head, tuple(map(sight, config.cameras)))


@cache
def _camera_of_session(seed: int, session: int, name: str) -> FloatArray:
    """Return how a camera really hung in a session: the rig was set up anew for each."""
    camera = cameras()[name]
    yaw, elevation, roll = numpy_generator(seed, "camera", session, name).normal(0, _CAMERA_DEGREES, 3)
    return camera_rotation(camera.yaw_degrees + yaw, camera.elevation_degrees + elevation, roll)
