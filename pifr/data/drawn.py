"""Drawn heads: a small STAND-IN for the rendered twin, so that every stage runs where no photographs are.

A head is a handful of ellipsoids, painted by position on their surface and seen by parallel rays, so features
move, shorten and hide with yaw as on a real head. It is no model of a face; the rendered twin replaces it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from PIL import Image

from pifr.core.errors import ConfigError
from pifr.core.progress import progress_bar
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import write_picture

_Paint = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
_SUPERSAMPLING = 2
_SKIN_LIGHT, _SKIN_DARK = np.array([0.96, 0.80, 0.70]), np.array([0.36, 0.23, 0.16])
_HAIR = np.array([[0.08, 0.06, 0.05], [0.30, 0.18, 0.10], [0.55, 0.36, 0.18], [0.85, 0.68, 0.38], [0.6, 0.22, 0.1],
                  [0.62, 0.62, 0.62]])  # fmt: skip
_IRIS = np.array([[0.25, 0.13, 0.06], [0.12, 0.08, 0.05], [0.25, 0.45, 0.68], [0.28, 0.48, 0.30], [0.45, 0.45, 0.45]])


@dataclass(frozen=True)
class _Person:
    """Lengths in units of half the picture's height; colours as RGB 0..1."""

    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    head_radii: np.ndarray
    jaw: float
    eye: tuple[float, float, float]  # half distance, height, size
    nose: np.ndarray  # radii
    nose_y: float
    mouth: tuple[float, float]  # half width, height
    brow: tuple[float, float, float]  # thickness, tilt, gap to the eye
    hairline: float
    hair_length: float  # how far down the sides of the head it grows; above 0.6 is bald
    beard: float
    moles: np.ndarray  # (3, 2) positions


@dataclass(frozen=True)
class _Draws:
    """What chance decides: once a sitting (light), and in each picture (background, framing, noise)."""

    sitting: np.random.Generator
    picture: np.random.Generator


def draw_people(
    out: Path,
    people: int,
    yaws_degrees: Sequence[float],
    size_px: int = 64,
    pictures_per_yaw: int = 1,
    seed: int = 0,
) -> Manifest:
    """Draw heads of ``people`` persons at every yaw and write pictures and ``manifest.csv``.

    Person k looks the same whatever the number of people; same arguments, same pixels.

    Args:
        out: Folder to write to.
        people: Number of persons.
        yaws_degrees: Angles -90..90; positive turns the nose to the picture's right.
        size_px: Side of the square pictures.
        pictures_per_yaw: Sittings; each has its own light and, every second one, a smile. Background and framing
            change from picture to picture, so that neither gives a person away.
        seed: Another seed gives other persons.

    Returns:
        Columns ``path, subject, yaw, kind, session, expression``.

    Raises:
        ConfigError: If a count or an angle is out of range.
    """
    if people < 1 or pictures_per_yaw < 1 or size_px < 16:
        raise ConfigError("drawn heads need people >= 1, pictures_per_yaw >= 1 and size_px >= 16")
    if any(abs(yaw) > 90 for yaw in yaws_degrees):
        raise ConfigError("drawn heads turn by -90..90 degrees", found=list(yaws_degrees))
    out = Path(out)
    rows = []
    with progress_bar("drawing heads", people) as advance:
        for index in range(people):
            person = _draw_traits(numpy_generator(seed, "person", index))
            subject = f"{index + 1:03d}"
            for sitting in range(pictures_per_yaw):
                expression = "smile" if sitting % 2 else "neutral"
                for yaw in yaws_degrees:
                    path = f"{subject}/{sitting + 1:02d}_{expression}_{yaw:+04.0f}.png"
                    draws = _Draws(
                        sitting=numpy_generator(seed, "sitting", index, sitting),
                        picture=numpy_generator(seed, "picture", index, sitting, str(float(yaw))),
                    )
                    write_picture(out / path, _draw_head(person, float(yaw), size_px, expression == "smile", draws))
                    rows.append((path, subject, float(yaw), "rendered", f"{sitting + 1:02d}", expression))
            advance()
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "kind", "session", "expression"])
    return make_manifest(table, out, str(out / "manifest.csv")).save(out / "manifest.csv")


def _draw_traits(rng: np.random.Generator) -> _Person:
    tone = rng.beta(1.0, 1.2)
    skin = _SKIN_LIGHT + tone * (_SKIN_DARK - _SKIN_LIGHT) + rng.normal(0, 0.02, 3)
    hair = _HAIR[rng.integers(len(_HAIR))] * rng.uniform(0.8, 1.15)
    return _Person(
        skin=skin,
        hair=hair,
        iris=_IRIS[rng.integers(len(_IRIS))],
        lips=np.clip(skin * [0.95, 0.6, 0.62] + rng.normal(0, 0.04, 3), 0, 1),
        head_radii=np.array([rng.uniform(0.46, 0.60), rng.uniform(0.66, 0.78), rng.uniform(0.58, 0.68)]),
        jaw=rng.uniform(0.26, 0.42),
        eye=(rng.uniform(0.17, 0.26), rng.uniform(0.02, 0.14), rng.uniform(0.055, 0.09)),
        nose=np.array([rng.uniform(0.055, 0.12), rng.uniform(0.12, 0.2), rng.uniform(0.12, 0.26)]),
        nose_y=rng.uniform(-0.20, -0.10),
        mouth=(rng.uniform(0.12, 0.22), rng.uniform(-0.46, -0.38)),
        brow=(rng.uniform(0.015, 0.05), rng.uniform(-0.25, 0.25), rng.uniform(0.09, 0.16)),
        hairline=rng.uniform(0.28, 0.52),
        hair_length=rng.choice([-0.8, -0.4, 0.05, 0.25, 0.7]) + rng.normal(0, 0.04),
        beard=float(rng.random() < 0.25) * rng.uniform(0.35, 0.9),
        moles=np.column_stack([rng.uniform(-0.32, 0.32, 3), rng.uniform(-0.45, 0.3, 3)]),
    )


def _draw_head(person: _Person, yaw: float, size_px: int, smiling: bool, draws: _Draws) -> np.ndarray:
    """Return the ``(S, S, 3)`` uint8 picture of one head; see the module's docstring."""
    side = size_px * _SUPERSAMPLING
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    shift_x, shift_y = draws.picture.normal(0, 0.02, 2)
    scale = draws.picture.normal(0.94, 0.02)
    x, y = np.meshgrid((steps + shift_x) * scale, (-steps + shift_y) * scale)
    cosine, sine = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    # The head's z axis (the nose) points to (sine, 0, cosine) of the picture: positive yaw is the picture's right.
    origin = np.stack([cosine * x, y, sine * x])
    toward = np.array([-sine, 0.0, cosine])
    light = np.array([draws.sitting.uniform(-0.5, 0.5), 0.45, 1.0])
    light = np.array([cosine * light[0] - sine * light[2], light[1], sine * light[0] + cosine * light[2]])
    light /= np.linalg.norm(light)

    picture = np.ones((side, side, 3)) * (draws.picture.uniform(0.3, 0.75) + draws.picture.normal(0, 0.03, 3))
    nearest = np.full((side, side), -np.inf)
    for center, radii, paint in _parts(person, smiling):
        distance, point, shade = _hit(origin, toward, np.array(center)[:, None, None], np.array(radii), light)
        colour, keep = paint(point)
        seen = (distance > nearest) & keep
        picture[seen] = (colour * (0.45 + 0.6 * shade[..., None]))[seen]
        nearest[seen] = distance[seen]
    picture = picture * draws.picture.normal(1, 0.03) + draws.picture.normal(0, 0.012, picture.shape)
    pixels = Image.fromarray((np.clip(picture, 0, 1) * 255).round().astype(np.uint8))
    return np.asarray(pixels.resize((size_px, size_px), Image.Resampling.BOX))


def _hit(
    origin: np.ndarray, toward: np.ndarray, center: np.ndarray, radii: np.ndarray, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Meet parallel rays with an ellipsoid: distance to the viewer (-inf for a miss), head point, shade 0..1."""
    scale = radii[:, None, None]
    start, step = (origin - center) / scale, toward[:, None, None] / scale
    a, b, c = (step * step).sum(0), (start * step).sum(0), (start * start).sum(0) - 1
    root = b * b - a * c
    distance = np.where(root > 0, (-b + np.sqrt(np.maximum(root, 0))) / a, -np.inf)
    point = origin + np.where(root > 0, distance, 0.0) * toward[:, None, None]
    normal = (point - center) / scale**2
    normal /= np.maximum(np.linalg.norm(normal, axis=0), 1e-9)
    return distance, point, np.clip((normal * light[:, None, None]).sum(0), 0, 1)


def _parts(person: _Person, smiling: bool) -> list[tuple[ArrayLike, ArrayLike, _Paint]]:
    """Return the head's ellipsoids: centre, radii, and a paint: points -> colours and where the part exists."""
    width, height, depth = person.head_radii

    def plain(colour: np.ndarray) -> _Paint:
        return lambda point: (np.broadcast_to(colour, (*point.shape[1:], 3)), np.ones(point.shape[1:], dtype=bool))

    def face(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _paint_face(person, smiling, point), np.ones(point.shape[1:], dtype=bool)

    def hair(point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = point
        behind = (z < 0.12 - 0.2 * np.abs(x)) & (y > person.hair_length)
        grown = (behind | (y > person.hairline + 0.25 * np.abs(x))) & (person.hair_length < 0.6)
        streaks = 1 + 0.12 * np.sin(40 * x + 25 * z)
        return person.hair * streaks[..., None], grown

    ear = plain(person.skin * 0.92)
    return [
        ((0, -0.85, -0.12), (0.3, 0.5, 0.3), plain(person.skin * 0.85)),
        ((0, 0, 0), person.head_radii, face),
        ((0, -0.42, 0.16), (person.jaw, 0.33, 0.36), face),
        ((0, person.nose_y, depth - 0.04), person.nose, plain(person.skin)),
        ((-width, 0, 0), (0.06, 0.15, 0.1), ear),
        ((width, 0, 0), (0.06, 0.15, 0.1), ear),
        ((0, 0.04, -0.05), (width * 1.08, height * 1.06, depth * 1.08), hair),
    ]


def _paint_face(person: _Person, smiling: bool, point: np.ndarray) -> np.ndarray:
    x, y, z = point
    front = z > 0.1
    colour = np.broadcast_to(person.skin, (*x.shape, 3)).copy()
    side = np.abs(x)
    if person.beard:
        grown = (y < person.mouth[1] + 0.12) | ((side > 0.33) & (y < -0.15))
        colour[grown & (z > -0.05)] *= 1 - 0.75 * person.beard
    half, height, size = person.eye
    across, up = side - half, y - height
    colour[front & ((across / (1.6 * size)) ** 2 + (up / (0.85 * size)) ** 2 < 1)] = 0.93
    colour[front & (across**2 + up**2 < (0.62 * size) ** 2)] = person.iris
    colour[front & (across**2 + up**2 < (0.28 * size) ** 2)] = 0.03
    thickness, tilt, gap = person.brow
    colour[front & (np.abs(up - gap - tilt * across) < thickness) & (np.abs(across) < 0.11)] = person.hair * 0.7
    mouth_half, mouth_y = person.mouth
    curve = 0.9 * x**2 if smiling else 0.0
    mouth_half *= 1.25 if smiling else 1.0
    colour[front & ((x / mouth_half) ** 2 + ((y - mouth_y - curve) / 0.05) ** 2 < 1)] = person.lips
    colour[front & (side < mouth_half * 0.9) & (np.abs(y - mouth_y - curve) < 0.008)] = person.lips * 0.4
    for mole_x, mole_y in person.moles:
        colour[front & ((x - mole_x) ** 2 + (y - mole_y) ** 2 < 0.018**2)] = person.skin * 0.35
    return colour
