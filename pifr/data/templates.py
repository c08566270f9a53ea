"""Alignment templates: where a face must lie in the square a model sees, each with an id kept in the manifest.

* ``arcface-112``: five landmarks onto the points of the ArcFace family.
* ``crop:40,60,150``: a fixed box ``x,y,side`` in pixels of the source; ``crop:center`` is the largest middle square.
* ``crops:london-v1``: one box a yaw, from a table shipped here or from a YAML file of the user's.
* ``crops:london-twin``: likewise, with the face where the rendered twin's pictures have it; manifests say ``twin-64``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pifr.core.config import Config, check_config, read_yaml
from pifr.core.errors import ConfigError, DataError, near_names
from pifr.data.geometry import box_to_square, fit_similarity

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Left eye, right eye, nose tip, left and right mouth corner in a 112 x 112 picture. These are SphereFace's points
for 96 x 112 (Liu et al., CVPR 2017) moved right by 8 pixels, as published with ArcFace (Deng et al., CVPR 2019) in
the InsightFace project, ``face_align.py``; they scale linearly to other sizes, as there."""


@dataclass(frozen=True)
class Face:
    """What a template may know of one face.

    Attributes:
        landmarks: ``(5, 2)`` pixels, NaN where unknown.
        yaw_degrees: NaN where unknown.
        size_px: Width and height of the picture.
        person_eye_height_px: Mean eye height over this person's pictures with landmarks; NaN where there are none.
        where: File and row, for messages.
    """

    landmarks: np.ndarray
    yaw_degrees: float
    size_px: tuple[int, int]
    person_eye_height_px: float
    where: str


class Template(Protocol):
    """A rule that places a face in a square."""

    @property
    def id(self) -> str:
        """The name stored in manifests and checkpoints."""

    def matrix(self, face: Face, size_px: int) -> np.ndarray:
        """Return the map ``(2, 3)`` from picture to target pixels.

        Raises:
            DataError: If something the template needs is not known of this face.
        """


@dataclass(frozen=True)
class FivePoints:
    """Least-squares similarity of five landmarks onto :data:`ARCFACE_POINTS`."""

    id: str = "arcface-112"

    def matrix(self, face: Face, size_px: int) -> np.ndarray:
        """Return the similarity; see :class:`Template`."""
        try:
            return fit_similarity(face.landmarks, ARCFACE_POINTS * (size_px / 112))
        except ValueError as error:
            raise DataError(
                "can't align by these landmarks", where=face.where, found=str(error), cure="correct or empty them"
            ) from error


@dataclass(frozen=True)
class Crop:
    """A fixed box."""

    x: float
    y: float
    side: float

    @property
    def id(self) -> str:
        """The box in words."""
        return f"crop:{self.x:g},{self.y:g},{self.side:g}"

    def matrix(self, face: Face, size_px: int) -> np.ndarray:
        """Return the map of the box; see :class:`Template`."""
        _require_overlap(face, self.x, self.y, self.side)
        return box_to_square(self.x, self.y, self.side, size_px)


@dataclass(frozen=True)
class CenterCrop:
    """The largest square in the middle of the picture."""

    id: str = "crop:center"

    def matrix(self, face: Face, size_px: int) -> np.ndarray:
        """Return the map of the middle square; see :class:`Template`."""
        width, height = face.size_px
        side = min(width, height)
        return box_to_square((width - side) / 2, (height - side) / 2, side, size_px)


class CropTableConfig(Config):
    """A table of boxes, one a yaw."""

    boxes: dict[float, tuple[float, float, float]]
    """Yaw in degrees -> x, y, side in pixels of the source; boxes between two yaws are interpolated."""
    eye_height_px: float | None = None
    """If set, a person's boxes move down by as much as their eyes lie below this line, measured on those of their
    pictures that have landmarks. For sets in which one person's pictures share a seat and a lens."""
    framed_as: str | None = None
    """Template id that manifests give the pictures, ``{size_px}`` standing for their side, where the boxes were
    measured to place faces as that template does: models trained on its pictures then take these. Null names the
    table."""


@dataclass(frozen=True)
class CropTable:
    """Boxes by yaw: a turned head sits elsewhere in the frame, since the lens looks at the head's middle.

    Attributes:
        id: ``crops:<name>``.
        config: The boxes.
    """

    id: str
    config: CropTableConfig

    def matrix(self, face: Face, size_px: int) -> np.ndarray:
        """Return the map of the box for the face's yaw; see :class:`Template`."""
        if not np.isfinite(face.yaw_degrees):
            raise DataError(f"template {self.id!r} needs a yaw", where=face.where, found="none")
        yaws = sorted(self.config.boxes)
        corners = np.array([self.config.boxes[yaw] for yaw in yaws])
        x, y, side = (float(np.interp(face.yaw_degrees, yaws, column)) for column in corners.T)
        if self.config.eye_height_px is not None:
            if not np.isfinite(face.person_eye_height_px):
                raise DataError(
                    f"template {self.id!r} needs the eyes' height in one picture a person", where=face.where,
                    found="no landmarks", cure="add landmarks, or leave eye_height_px out of the table",
                )  # fmt: skip
            y += face.person_eye_height_px - self.config.eye_height_px
        _require_overlap(face, x, y, side)
        return box_to_square(x, y, side, size_px)


def id_in_manifests(template: Template, size_px: int) -> str:
    """Return the id that manifests give to pictures of a template: its own, or that of the frame it reproduces.

    Args:
        template: The rule.
        size_px: Side of the pictures.
    """
    framed_as = template.config.framed_as if isinstance(template, CropTable) else None
    return template.id if framed_as is None else framed_as.replace("{size_px}", str(size_px))


def parse_template(text: str) -> Template:
    """Return the template that ``text`` names; see the module's docstring.

    Raises:
        ConfigError: If there is no such template.
    """
    kind, _, rest = text.partition(":")
    if text == "arcface-112":
        return FivePoints()
    if text in ("crop", "crop:center"):
        return CenterCrop()
    if kind == "crop":
        return _parse_crop(rest)
    if kind == "crops" and rest:
        return _read_crop_table(rest)
    known = [
        "arcface-112",
        "crop:center",
        "crop:X,Y,SIDE",
        *(f"crops:{name}" for name in _shipped()),
        "crops:FILE.yaml",
    ]
    raise ConfigError(f"unknown alignment template {text!r}", cure=near_names(text, known))


def _parse_crop(text: str) -> Crop:
    try:
        x, y, side = (float(number) for number in text.split(","))
    except ValueError:
        raise ConfigError("a crop is written crop:X,Y,SIDE in pixels", found=repr(f"crop:{text}")) from None
    if not side >= 1:
        raise ConfigError("a crop needs a side of at least 1 pixel", found=repr(f"crop:{text}"))
    return Crop(x, y, side)


def _read_crop_table(name: str) -> CropTable:
    shipped = _shipped()
    path = shipped.get(name, Path(name))
    if name not in shipped and not path.is_file():
        raise ConfigError("no such table of crops", where=name, cure=f"{near_names(name, shipped)} Or name a YAML file")
    config = check_config(CropTableConfig, read_yaml(path), str(path))
    if not config.boxes or any(side < 1 for _, _, side in config.boxes.values()):
        raise ConfigError("a table of crops needs boxes 'yaw: [x, y, side]' with a side of at least 1", where=path)
    return CropTable(f"crops:{path.stem}", config)


def _shipped() -> dict[str, Path]:
    return {path.stem: path for path in sorted((Path(__file__).parent / "tables" / "crops").glob("*.yaml"))}


def _require_overlap(face: Face, x: float, y: float, side: float) -> None:
    width, height = face.size_px
    if x >= width or y >= height or x + side <= 0 or y + side <= 0:
        raise DataError(
            f"the box {x:g},{y:g},{side:g} lies outside the picture", where=face.where, found=f"{width} x {height}"
        )
