"""The picture grid: people the generator never saw, the views it makes of them, and the truth underneath."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pifr.chain.config import ChainConfig
from pifr.chain.people import frontal
from pifr.core.progress import say
from pifr.data.head_height import yaw_at_head_height
from pifr.data.manifest import Manifest
from pifr.data.pictures import write_picture
from pifr.data.pixels import open_pixels

if TYPE_CHECKING:
    from ipgan import Rotator

_PEOPLE = 6
_GAP_PX = 6
_WHITE = 255


def draw_views(data: Manifest, rotator: Rotator, path: Path, config: ChainConfig) -> Path:
    """Draw a grid PNG: for each person the source, a row of generated views, and below it the true ones.

    Args:
        data: Test people, several views each.
        rotator: The generator.
        path: Where to write.
        config: Says which views and what counts as frontal.

    Returns:
        ``path``.
    """
    yaws = sorted(config.augment.yaws_degrees) or [-60.0, -30.0, 30.0, 60.0]
    store = open_pixels(data, rotator.spec.size_px)
    sources = _sources(data, config.max_frontal_yaw_degrees)[:_PEOPLE]
    made = rotator.rotate(store[sources], np.array(yaws))
    blank = np.full_like(store[sources[:1]][0], _WHITE)
    rows = []
    for index, source in enumerate(sources):
        true = [_true_view(data, int(source), yaw) for yaw in yaws]
        below = [blank if row is None else store[np.array([row])][0] for row in true]
        rows.append(np.concatenate([store[np.array([source])][0], *made[index]], axis=1))
        rows.append(np.concatenate([blank, *below], axis=1))
    gap = np.full((_GAP_PX, rows[0].shape[1], 3), _WHITE, np.uint8)
    pairs = [np.concatenate([rows[i], rows[i + 1], gap]) for i in range(0, len(rows), 2)]
    write_picture(path, np.concatenate(pairs))
    return path


def _sources(data: Manifest, max_yaw_degrees: float) -> np.ndarray:
    """Return the row of each person's first frontal picture, ``(P,)``; people without one are left out.

    Where nobody has one, it is each person's most frontal picture, which the benchmark enrols too: all the training
    is done by then, so the grid must not be what fails.
    """
    rows = np.flatnonzero(frontal(data, max_yaw_degrees))
    if not rows.size:
        say(f"note: the test people have no picture within {max_yaw_degrees:g} degrees of frontal, so the grid turns "
            "the most frontal one of each")  # fmt: skip
        rows = np.argsort(np.nan_to_num(np.abs(data.yaw_degrees), nan=np.inf), kind="stable")
    people = data.table["subject"].to_numpy()[rows]
    _, first = np.unique(people, return_index=True)
    return rows[np.sort(first)]


def _true_view(data: Manifest, source: int, yaw: float) -> int | None:
    """Return the row that shows the source's person at this yaw, of the same sitting if there is one."""
    table = data.table
    same = (table["subject"] == table["subject"][source]).to_numpy() & (np.abs(yaw_at_head_height(data) - yaw) < 7.5)
    rows = np.flatnonzero(same)
    if not rows.size:
        return None
    columns = [c for c in ("session", "recording", "illumination", "expression") if c in table]
    agree = (table[columns].iloc[rows] == table[columns].iloc[source]).sum(axis=1).to_numpy()
    return int(rows[np.argmax(agree)])
