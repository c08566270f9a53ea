"""Sample grids: rows are people, columns are poses, the source at the left, the true view underneath."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ipgan.config import DataConfig
from ipgan.rotator import Rotator
from ipgan.training_data import sittings_of
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pictures import require_picture_ending, write_picture
from pifr.data.pixels import open_pixels

_GAP_PX = 4
_EMPTY = 255
_SAME_YAW_DEGREES = 4.0


@dataclass(frozen=True)
class GridPlan:
    """What a grid shows; the same in every grid of a run, so that progress can be seen.

    Attributes:
        sources: ``(N, S, S, 3)`` uint8, one person each.
        yaws_degrees: ``(M,)`` columns; empty where no yaw is known.
        poses: ``(M, S, S, 3)`` uint8, pictures to imitate where no yaw is known.
        true_views: ``(N, M, S, S, 3)`` uint8, white where there is none.
    """

    sources: np.ndarray
    yaws_degrees: np.ndarray
    poses: np.ndarray
    true_views: np.ndarray


def plan_grid(
    manifest: Manifest, size_px: int, sitting_columns: tuple[str, ...], people: int = 8,
    yaws_degrees: np.ndarray | None = None, columns: int = 9,
) -> GridPlan:  # fmt: skip
    """Choose sources, poses and true views.

    Args:
        manifest: Pictures to choose from.
        size_px: Side of the pictures.
        sitting_columns: What makes two pictures show one moment.
        people: Number of rows at most, the first by name.
        yaws_degrees: Columns; by default those in the manifest, thinned to ``columns``. Without any known yaw, the
            columns are the first person's pictures, to be imitated.
        columns: See above.

    Raises:
        DataError: If pictures can't be read.
    """
    store, yaws = open_pixels(manifest, size_px), manifest.yaw_degrees
    sittings = sittings_of(manifest, sitting_columns)
    subjects = manifest.table["subject"].to_numpy()
    chosen = manifest.subjects[:people]
    # A frontal picture stands at the left, the brightest of them: in the dark nothing is to be seen.
    rows = [_frontal_and_bright(np.flatnonzero(subjects == subject), yaws, store.images) for subject in chosen]
    blank = np.full((size_px, size_px, 3), _EMPTY, np.uint8)
    if yaws_degrees is None:
        yaws_degrees = _thinned(np.unique(np.round(yaws[np.isfinite(yaws)])), columns)
    if not len(yaws_degrees):
        poses = store[np.flatnonzero(subjects == chosen[0])[:columns]]
        views = np.broadcast_to(blank, (len(rows), len(poses), *blank.shape))
        return GridPlan(store[rows], np.empty(0), poses, views)
    views = np.stack([
        np.stack([_true_view(row, yaw, store.images, yaws, sittings, blank) for yaw in yaws_degrees]) for row in rows
    ])  # fmt: skip
    return GridPlan(store[rows], np.asarray(yaws_degrees, float), np.empty((0, *blank.shape), np.uint8), views)


def draw_grid(rotator: Rotator, plan: GridPlan, path: Path) -> Path:
    """Turn the sources and write the grid as PNG.

    Raises:
        DataError: If a yaw lies outside the generator's range, or it knows no degrees.
    """
    if len(plan.yaws_degrees):
        made = rotator.rotate(plan.sources, plan.yaws_degrees)
    else:
        made = rotator.imitate(plan.sources, plan.poses)
    blank = np.full_like(plan.sources[0], _EMPTY)
    rows = []
    if len(plan.poses):
        rows.append([blank, *plan.poses])
    for source, views, truth in zip(plan.sources, made, plan.true_views, strict=True):
        rows.append([source, *views])
        if (truth != _EMPTY).any():
            rows.append([blank, *truth])
    write_picture(path, _tile(rows))
    return path


def drawable(plan: GridPlan, range_degrees: tuple[float, float] | None, where: str, cure: str) -> GridPlan:
    """Drop the columns outside the generator's range; a generator without degrees needs poses instead.

    Args:
        plan: What is to be shown.
        range_degrees: Least and greatest yaw that the generator makes; None where it knows no degrees.
        where: Whose pictures these are, for the message.
        cure: What to do, for the message.

    Raises:
        DataError: If nothing is left.
    """
    if not len(plan.yaws_degrees) or range_degrees is None:
        return plan
    low, high = range_degrees
    inside = (plan.yaws_degrees >= low) & (plan.yaws_degrees <= high)
    if not inside.any():
        raise DataError(
            "no yaw of these pictures lies in the generator's range", where=where,
            found=f"{low:g} to {high:g} degrees", cure=cure,
        )  # fmt: skip
    return GridPlan(plan.sources, plan.yaws_degrees[inside], plan.poses, plan.true_views[:, inside])


def _frontal_and_bright(rows: np.ndarray, yaws: np.ndarray, images: np.ndarray) -> int:
    """Return the brightest picture among the most frontal ones; without yaws, of all."""
    away = np.where(np.isfinite(yaws[rows]), np.abs(yaws[rows]), 360.0)
    frontal = rows[away <= away.min() + _SAME_YAW_DEGREES]
    return int(frontal[np.argmax([images[row].mean() for row in frontal])])


def _thinned(yaws: np.ndarray, columns: int) -> np.ndarray:
    if len(yaws) <= columns:
        return yaws
    return yaws[np.unique(np.round(np.linspace(0, len(yaws) - 1, columns)).astype(int))]


def _true_view(
    source: int, yaw: float, images: np.ndarray, yaws: np.ndarray, sittings: np.ndarray, blank: np.ndarray
) -> np.ndarray:
    if sittings[source] < 0:
        return blank
    near = np.abs(yaws - yaw) <= _SAME_YAW_DEGREES
    rows = np.flatnonzero((sittings == sittings[source]) & near)
    return images[rows[np.argmin(np.abs(yaws[rows] - yaw))]] if len(rows) else blank


def _tile(rows: list[list[np.ndarray]]) -> np.ndarray:
    side = rows[0][0].shape[0] + _GAP_PX
    canvas = np.full((len(rows) * side + _GAP_PX, len(rows[0]) * side + _GAP_PX, 3), _EMPTY, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            y, x = i * side + _GAP_PX, j * side + _GAP_PX
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return canvas


def sample_grid(
    model: Path | str, manifest: Path, out: Path, yaws_degrees: list[float] | None = None, split: str | None = None,
    people: int = 8, device: str = "auto",
) -> Path:  # fmt: skip
    """Load a generator and draw a grid of a manifest's people.

    Args:
        model: Run folder, checkpoint, or the name of shipped weights.
        manifest: Pictures, aligned as the generator was trained.
        out: The grid's file, .png or .jpg.
        yaws_degrees: Columns; by default the manifest's own, within the generator's range.
        split: Show people of this split only.
        people: Rows.
        device: auto, cpu, cuda or cuda:N.

    Raises:
        DataError: If the pictures are aligned otherwise, a yaw asked for lies outside the generator's range, or the
            file has another ending.
    """
    require_picture_ending(out)
    rotator = Rotator.load(model, device)
    pictures = read_manifest(manifest)
    if split is not None:
        pictures = pictures.of_split(split)
    rotator.spec.require_template(pictures.template, pictures.name)
    columns = np.empty(0) if rotator.pose_map is None and yaws_degrees is None else yaws_degrees
    sittings = DataConfig().sitting_columns
    plan = plan_grid(pictures, rotator.spec.size_px, sittings, people, None if columns is None else np.asarray(columns))
    if yaws_degrees is None and rotator.pose_map is not None:
        plan = drawable(plan, rotator.pose_map.range_degrees, pictures.name, "show other people, or name --yaws")
    return draw_grid(rotator, plan, out)
