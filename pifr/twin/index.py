"""The list of pictures without the pictures: for counting protocols, and as the frame of the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from pifr.twin.config import TwinConfig
from pifr.twin.free_mode import free_takes
from pifr.twin.plan import Sight, Take
from pifr.twin.room import room_takes


def takes_of(config: TwinConfig) -> Iterator[Take]:
    """Yield what `config` asks for: takes of the room, or those of a free training set."""
    return room_takes(config) if config.free is None else free_takes(config.free, config.seed)


def twin_index(config: TwinConfig) -> pd.DataFrame:
    """List the pictures that `render_twin` would make, without rendering any.

    Args:
        config: What to list.

    Returns:
        One row a picture in the order of the manifest: `path`, `subject`, `session`, `recording`, `camera`,
        `illumination`, `expression`, the true `yaw`, `pitch`, `roll` in degrees, `kind`, `template`. The whole room
        (754,200 pictures) takes a few seconds.
    """
    return index_of_takes(takes_of(config), config)


def index_of_takes(takes: Iterable[Take], config: TwinConfig) -> pd.DataFrame:
    """List the pictures of some takes; see :func:`twin_index`."""
    rows = pd.DataFrame([_row(take, sight, config) for take in takes for sight in take.sights])
    # All sights of one data set take the same number of pictures, so the lights repeat within each sight.
    rows = rows.explode("illumination", ignore_index=True)
    rows["path"] = rows["path"] + rows["illumination"] + f".{config.picture_format}"
    return rows


def picture_path(sight: Sight, light: str, config: TwinConfig) -> str:
    """Return a picture's path below the data set's folder."""
    return f"{sight.stem}{light}.{config.picture_format}"


def _row(take: Take, sight: Sight, config: TwinConfig) -> dict[str, object]:
    return {
        "path": sight.stem,
        "subject": take.subject,
        "session": f"{take.session:02d}",
        "recording": f"{take.recording:02d}",
        "camera": sight.camera,
        "illumination": [lighting.name for lighting in sight.lightings],
        "expression": take.expression,
        "yaw": sight.yaw,
        "pitch": sight.pitch,
        "roll": sight.roll,
        "kind": "rendered",
        "template": config.template,
    }
