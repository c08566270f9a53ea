"""One worker's job: render what is missing of a take and note down its ground truth."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from pifr.core.errors import PifrError
from pifr.core.files import TEMPORARY_MARK, atomic_path, disk_errors, read_json, write_json
from pifr.twin.config import TwinConfig
from pifr.twin.geometry import FloatArray
from pifr.twin.index import picture_path
from pifr.twin.plan import Sight, Take
from pifr.twin.render import Studio, Truth
from pifr.twin.scene import LANDMARK_NAMES, Scene

RECORDS = ".records"
_TRAILERS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9"}


def render_take(
    take: Take, config: TwinConfig, out: Path, stop: Callable[[], object] = lambda: False, advance: Any = None
) -> int:
    """Render the pictures of a take that are not there yet.

    Args:
        take: What to render.
        config: The data set's configuration.
        out: Its folder.
        stop: Asked before each camera; true ends the work early, keeping what is finished.
        advance: Called with the number of finished pictures after each camera.

    Returns:
        How many pictures of the take are finished now, earlier ones included.
    """
    record = read_record(take, out)
    studio, done = None, 0
    for sight in take.sights:
        if stop():
            break
        missing = [light for light in sight.lightings if not is_finished(out / picture_path(sight, light.name, config))]
        if missing or not _has_truth(record, sight, config, out):
            if studio is None:
                scene = seat(take, config)
                studio = Studio(scene, take, config)
                record["attributes"] = scene.attributes
            look = studio.look(sight)
            for light, pixels in look.pictures(missing):
                write_picture_fast(out / picture_path(sight, light.name, config), pixels)
            record["sights"][sight.stem] = _landmark_values(*look.landmarks())
            if config.extra:
                _write_extra(out / truth_path(sight), look.truth(), config)
        done += len(sight.lightings)
        if advance:
            advance(len(sight.lightings))
    if studio is not None:
        write_json(_record_path(take, out), record)
    return done


def is_take_finished(take: Take, config: TwinConfig, out: Path) -> bool:
    """Tell whether every picture of a take and its record are there, whole."""
    record = read_record(take, out)
    return all(_has_truth(record, sight, config, out) for sight in take.sights) and all(
        is_finished(out / picture_path(sight, light.name, config)) for sight in take.sights for light in sight.lightings
    )


def is_finished(path: Path) -> bool:
    """Tell whether a picture was written to its last byte."""
    trailer = _TRAILERS[path.suffix]
    try:
        with open(path, "rb") as stream:
            stream.seek(-len(trailer), 2)
            return stream.read() == trailer
    except OSError:
        return False


def read_record(take: Take, out: Path) -> dict[str, Any]:
    """Return a take's record: person attributes, and by sight the five points with their visibility."""
    try:
        record = read_json(_record_path(take, out))
    except PifrError:
        return {"attributes": {}, "sights": {}}
    return record


def truth_path(sight: Sight) -> str:
    """Return where a view's depth, normals and mask lie: in a tree of their own beside the pictures."""
    return f"truth/{sight.stem.rstrip('_')}.npz"


def _record_path(take: Take, out: Path) -> Path:
    return out / RECORDS / take.subject / f"{take.name}.json"


def _has_truth(record: dict[str, Any], sight: Sight, config: TwinConfig, out: Path) -> bool:
    return sight.stem in record["sights"] and set(config.extra) <= _extra_at(out / truth_path(sight))


def _extra_at(path: Path) -> set[str]:
    """Return which arrays a file holds; none where it is missing or damaged, so that it is written anew."""
    try:
        with np.load(path) as arrays:
            return set(arrays.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return set()


def seat(take: Take, config: TwinConfig) -> Scene:
    """Return the person of a take, in the sitting and with the expression that it asks for."""
    from pifr.twin.sitter import sitter

    return sitter(config.seed, take.person, take.session, take.expression, variation=take.recording - 1)


def _landmark_values(points_px: FloatArray, visible: npt.NDArray[np.bool_]) -> dict[str, float | bool]:
    values: dict[str, float | bool] = {}
    for name, (x, y), seen in zip(LANDMARK_NAMES, points_px, visible, strict=True):
        values |= {f"{name}_x": round(float(x), 2), f"{name}_y": round(float(y), 2), f"{name}_visible": bool(seen)}
    return values


def write_picture_fast(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write a picture whole or not at all.

    Unlike `write_picture` it doesn't wait for the disk after each of up to 750,000 small files; a picture that a
    power cut left short lacks its trailer and is drawn again.
    """
    temporary = path.with_name(f"{path.stem}{TEMPORARY_MARK}{path.suffix}")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if path.suffix == ".png":
                Image.fromarray(pixels).save(temporary, compress_level=1)
            else:
                Image.fromarray(pixels).save(temporary, quality=92, subsampling=0)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _write_extra(path: Path, truth: Truth, config: TwinConfig) -> None:
    """Write what is asked for, and again what was asked for before."""
    arrays: dict[str, Any] = {"depth": truth.depth_m, "normals": truth.normals, "mask": truth.mask}
    wanted = _extra_at(path) | set(config.extra)
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **{name: array for name, array in arrays.items() if name in wanted})
