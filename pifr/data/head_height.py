"""Yaws by which pictures may be grouped: those of cameras at the height of the head."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pifr.data.importers.multipie import camera_yaws
from pifr.data.manifest import Manifest
from pifr.data.names import normal_name


def cameras_above() -> list[str]:
    """Return the names of Multi-PIE's cameras that hang above, sorted."""
    return sorted(name for name, yaw in camera_yaws().items() if np.isnan(yaw))


def seen_from_above(manifest: Manifest) -> np.ndarray:
    """Return ``(N,)`` which pictures have a yaw and are by one of Multi-PIE's cameras that hang above."""
    if "camera" not in manifest.table:
        return np.zeros(len(manifest), dtype=bool)
    codes, found = pd.factorize(manifest.table["camera"].fillna("").astype(str))
    names, above = list(found), cameras_above()
    # Multi-PIE's file names say 081; so may those of another set, which then has cameras that Multi-PIE has not.
    if {normal_name(name) for name in names} <= {"", *map(normal_name, camera_yaws())}:
        names, above = [normal_name(name) for name in names], [normal_name(name) for name in above]
    by_name = np.isin(names, above)[codes]
    return by_name & np.isfinite(manifest.yaw_degrees)


def yaw_at_head_height(manifest: Manifest) -> np.ndarray:
    """Return yaws ``(N,)`` in degrees, NaN where unknown and for Multi-PIE's two cameras that hang above.

    Multi-PIE's importer knows no yaw of theirs. The twin does, about 52 degrees: half-way between two groups, so that
    their pictures would stand beside level ones of 45 and of 60 degrees, and by chance.
    """
    return np.where(seen_from_above(manifest), np.nan, manifest.yaw_degrees)


def note_of_views_from_above(manifest: Manifest) -> str | None:
    """Return what a reader of figures by yaw should know of such pictures; None where there is none."""
    count = int(seen_from_above(manifest).sum())
    if not count:
        return None
    shown = ", ".join(cameras_above())
    return f"{count} pictures are by cameras that hang above ({shown}): of no yaw group, as in Multi-PIE"
