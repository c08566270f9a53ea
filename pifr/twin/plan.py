"""What happens before the cameras: a take, the cameras that see it, the light of each picture. No pixels."""

from __future__ import annotations

from dataclasses import dataclass

from pifr.twin.geometry import FloatArray

FLASH_POWER = 1.35
ROOM_POWER = 0.30


@dataclass(frozen=True)
class Lighting:
    """What shines while the shutter is open.

    Attributes:
        name: Light id, the end of the file name.
        direction: `(3,)` unit vector of the room from the head to the flash; None where none fires.
        flash_power: Brightness of the flash.
        room_power: Brightness of the room's own soft light.
        room_tint: Its colour, red, green, blue.
    """

    name: str
    direction: FloatArray | None
    flash_power: float = FLASH_POWER
    room_power: float = ROOM_POWER
    room_tint: tuple[float, float, float] = (1.0, 0.98, 0.93)


@dataclass(frozen=True)
class Sight:
    """One camera before one person, and the pictures it takes.

    Attributes:
        camera: Name; empty in the free mode.
        stem: File name up to the light's id, with the folder.
        rotation: `(3, 3)` from room axes to camera axes, with this session's deviation from the table.
        offset_m: `(3,)` from the middle of the face to what the camera is aimed at.
        field_m: Side of the square it shows.
        gains: Colour balance.
        backdrop: Name of the background behind the head; the same name gives the same background.
        lightings: One a picture.
        yaw, pitch, roll: True angles of the head in degrees, as this camera sees it.
    """

    camera: str
    stem: str
    rotation: FloatArray
    offset_m: FloatArray
    field_m: float
    gains: tuple[float, float, float]
    backdrop: str
    lightings: tuple[Lighting, ...]
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True)
class Take:
    """One person holding one expression in one sitting, before all chosen cameras.

    Attributes:
        subject: Name in the manifest.
        person: Number of the person, which with the seed makes the person.
        session: The sitting.
        recording: Number within the session.
        expression: Its name.
        head: `(3, 3)` rotation from the head's axes to the room's.
        sights: One a camera.
    """

    subject: str
    person: int
    session: int
    recording: int
    expression: str
    head: FloatArray
    sights: tuple[Sight, ...]

    @property
    def name(self) -> str:
        """A name that no other take of the same data set has."""
        return f"{self.subject}_{self.session:02d}_{self.recording:02d}"
