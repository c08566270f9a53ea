"""Pictures inside the page: data URIs, and the pairs a system got most wrong."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pifr.core.errors import DataError
from pifr.data.pictures import read_picture
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.worst import worst_of


@dataclass(frozen=True)
class Pair:
    """Two pictures and what the system thought of them.

    Attributes:
        first: Data URI of the probe; empty where the picture is not there any more.
        second: Data URI of the reference.
        first_caption: Person and yaw.
        second_caption: Person and yaw.
        score: Cosine.
    """

    first: str
    second: str
    first_caption: str
    second_caption: str
    score: float


def data_uri(pixels: np.ndarray) -> str:
    """Return ``(H, W, 3)`` uint8 as a JPEG data URI."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()


def file_uri(path: Path) -> str:
    """Return a picture file as it is, as a data URI.

    Raises:
        DataError: If it is missing or neither PNG nor JPEG.
    """
    path = Path(path)
    kinds = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
    if path.suffix.lower() not in kinds:
        raise DataError("a report takes PNG or JPEG pictures", where=path, found=path.suffix)
    if not path.is_file():
        raise DataError("picture not found", where=path, cure="check the path")
    return f"data:{kinds[path.suffix.lower()]};base64," + base64.b64encode(path.read_bytes()).decode()


def thumbnail(path: Path, size_px: int = 112) -> str:
    """Return a small square data URI of a picture, or nothing where it can't be read any more."""
    try:
        picture = Image.fromarray(read_picture(path))
    except DataError:
        return ""
    picture.thumbnail((size_px, size_px))
    return data_uri(np.asarray(picture))


def worst_pairs(table: ScoreTable, system: str, folder: Path) -> tuple[list[Pair], list[Pair]]:
    """Return the worst false matches and the worst false non-matches of the protocol's comparisons.

    Each pair of people appears once, so that one look-alike does not fill the row.

    Args:
        table: The scores.
        system: Name of the system.
        folder: What the pictures' paths are relative to.

    Returns:
        Non-mated pairs, highest score first; mated pairs, lowest score first.
    """
    worst = worst_of(table, system)
    nonmated, mated = np.flatnonzero(~worst.mated), np.flatnonzero(worst.mated)
    return (
        [_pair(worst, system, int(row), folder) for row in nonmated],
        [_pair(worst, system, int(row), folder) for row in mated],
    )


def _pair(table: ScoreTable, system: str, row: int, folder: Path) -> Pair:
    sides = [int(table.probe[row]), int(table.reference[row])]
    uris = [thumbnail(folder / str(table.pictures["path"].iloc[side]).partition("#")[0]) for side in sides]
    captions = [_caption(table, side) for side in sides]
    return Pair(uris[0], uris[1], captions[0], captions[1], float(table.scores[system][row]))


def _caption(table: ScoreTable, picture: int) -> str:
    person = str(table.pictures["subject"].iloc[picture])
    if "yaw" not in table.pictures:
        return person
    yaw = float(table.pictures["yaw"].iloc[picture])
    return person if math.isnan(yaw) else f"{person}, {yaw:.0f}°".replace("-", "\u2212").replace("\u22120°", "0°")
