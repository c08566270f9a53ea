"""The sources: which real pictures of a person are shown to the method, best first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError

from pifr.augment.config import AugmentConfig
from pifr.augment.methods import Method
from pifr.augment.quality import sharpness
from pifr.core.errors import DataError
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest
from pifr.data.pictures import picture_source
from pifr.data.pixels import PixelStore, open_pixels

_TURN_STEP_DEGREES = 5.0
"""Pictures within one step count as equally frontal; then the sharper one is better."""


@dataclass(frozen=True)
class Candidates:
    """Pictures that may be sources.

    Attributes:
        manifest: The pictures, ``(C,)`` rows.
        ranked: For each person who has any, row numbers, best first.
        missing: People who have none.
        sharpness: ``(C,)``, at the method's size.
        size_px: The method's.
    """

    manifest: Manifest
    ranked: dict[str, np.ndarray]
    missing: tuple[str, ...]
    sharpness: np.ndarray
    size_px: int

    def open(self) -> PixelStore:
        """Return the pictures' pixels; every process opens the same file of the cache."""
        return open_pixels(self.manifest, self.size_px)

    def groups(self, subject: str, config: AugmentConfig) -> list[np.ndarray]:
        """Return the rows that are fused to each of this person's sources, best group first."""
        rows = self.ranked[subject][: config.sources_per_person * config.fuse]
        return [rows[start : start + config.fuse] for start in range(0, len(rows), config.fuse)]


def find_candidates(data: Manifest, method: Method, config: AugmentConfig) -> Candidates:
    """Find and rank the pictures that may be sources.

    A source is a real or rendered picture, turned no farther than ``max_source_yaw_degrees`` (an unknown yaw counts
    as frontal; a method that mirrors takes any known yaw), with the columns that the method needs. Ranked by turn in
    steps of 5 degrees, then by sharpness, then as listed.

    Args:
        data: Manifest of people.
        method: Says what it needs.
        config: Says how far turned at most.

    Raises:
        DataError: If nobody has a usable picture, a column is missing, or pictures are smaller than the method's.
    """
    if "landmarks" in method.needs:
        data.require(LANDMARK_COLUMNS)
    if "yaw" in method.needs:
        data.require(("yaw",))
    usable = _usable(data, method, config)
    if not usable.any():
        raise _nothing_usable(data, method, config)
    chosen = data.select(usable)
    missing = tuple(sorted(set(data.subjects) - set(chosen.subjects)))
    sharp = _sharpness(open_pixels(chosen, method.spec.size_px))
    found = Candidates(chosen, _ranked(chosen, sharp), missing, sharp, method.spec.size_px)
    _refuse_smaller_pictures(found, method)
    return found


def taken_by_camera(data: Manifest) -> np.ndarray:
    """Return ``(N,)`` which pictures are no generator's: real or rendered ones, or of unknown kind."""
    if "kind" not in data.table:
        return np.ones(len(data), dtype=bool)
    return (data.table["kind"] != "generated").to_numpy(bool, copy=True)


def _usable(data: Manifest, method: Method, config: AugmentConfig) -> np.ndarray:
    usable = taken_by_camera(data)
    if "yaw" in method.needs:
        return usable & np.isfinite(data.yaw_degrees)
    usable &= np.nan_to_num(np.abs(data.yaw_degrees), nan=0.0) <= config.max_source_yaw_degrees
    if "landmarks" in method.needs:
        usable &= np.isfinite(data.table[list(LANDMARK_COLUMNS)].to_numpy(float)).all(axis=1)
    return usable


def _nothing_usable(data: Manifest, method: Method, config: AugmentConfig) -> DataError:
    """Return the error that names the first thing that all pictures lack."""
    least = config.max_source_yaw_degrees
    if not taken_by_camera(data).any():
        lacks, cure = "all of them generated", "name the manifest of the real pictures"
    elif "yaw" in method.needs:
        lacks, cure = "none of known yaw", "fill yaws in with: pifr data pose"
    elif not (np.nan_to_num(np.abs(data.yaw_degrees), nan=0.0) <= least).any():
        lacks, cure = f"none within {least:g} degrees of frontal", f"raise --max-source-yaw above {least:g}"
    else:
        lacks = f"none within {least:g} degrees of frontal with all five landmarks"
        cure = "find landmarks with: pifr data align --detector dlib"
    return DataError(
        f"nobody has a picture that the method {method.name!r} can use", where=data.name,
        found=f"{len(data)} pictures, {lacks}", cure=cure,
    )  # fmt: skip


def _ranked(chosen: Manifest, sharp: np.ndarray) -> dict[str, np.ndarray]:
    turn = np.round(np.nan_to_num(np.abs(chosen.yaw_degrees), nan=0.0) / _TURN_STEP_DEGREES)
    keys = pd.DataFrame({"subject": chosen.table["subject"], "turn": turn, "blur": -sharp, "row": range(len(chosen))})
    ordered = keys.sort_values(["subject", "turn", "blur", "row"], kind="stable")
    return {str(subject): rows.to_numpy() for subject, rows in ordered.groupby("subject", sort=True)["row"]}


def _sharpness(store: PixelStore, chunk: int = 1024) -> np.ndarray:
    return np.concatenate([sharpness(store.images[start : start + chunk]) for start in range(0, len(store), chunk)])


def picture_side_px(path: Path) -> int:
    """Return the side of a square picture as it lies on disk, from its header alone.

    Raises:
        DataError: If it is missing or no picture.
    """
    try:
        with Image.open(picture_source(path)) as picture:
            return picture.width
    except (UnidentifiedImageError, OSError) as error:
        raise DataError("can't read the picture", where=path, found=str(error)) from error


def _refuse_smaller_pictures(found: Candidates, method: Method) -> None:
    """Refuse a generator that draws more pixels than its sources have; it would be shown blown-up pictures."""
    paths = found.manifest.paths
    for rows in found.ranked.values():
        side = picture_side_px(paths[rows[0]])
        if side < method.spec.size_px:
            raise DataError(
                f"the method {method.name!r} works at {method.spec.size_px} px", where=paths[rows[0]],
                found=f"a picture of {side} px",
                cure=f"align the pictures at {method.spec.size_px} px or more, or use a generator of that size",
            )  # fmt: skip
