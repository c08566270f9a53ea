"""Teaching degrees to a generator that was trained without any: yaw and pitch are estimated, then mapped to codes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ipgan.batch import rows_over_the_manifest
from ipgan.pose_map import PoseMap
from ipgan.rotator import Rotator
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest
from pifr.data.pixels import open_pixels
from pifr.pose import fill_poses

_PICTURES = 4000


def calibrate(rotator: Rotator, manifest: Manifest, device: str = "auto") -> PoseMap:
    """Learn degrees to codes from any pictures, and give the map to the generator.

    Angles that the manifest knows are taken; the others are estimated by the network behind ``pifr data pose``, which
    has only seen rendered people (docs/models/pose-64.md gives its errors).

    Args:
        rotator: The generator; its ``pose_map`` is replaced.
        manifest: Pictures of many people from many sides, aligned as the generator was trained.
        device: For the estimator.

    Returns:
        The map.

    Raises:
        DataError: If the alignment differs from the generator's, or all pictures show one yaw.
    """
    rotator.spec.require_template(manifest.template, manifest.name)
    rows = rows_over_the_manifest(manifest, _PICTURES)
    some = manifest.select(np.isin(np.arange(len(manifest)), rows))
    table = fill_poses(replace(some, table=some.table.reset_index(drop=True)), device=device).manifest.table
    codes = rotator.pose_codes(open_pixels(some, rotator.spec.size_px).images)
    found = PoseMap.learn(codes, table["yaw"].to_numpy(float), table["pitch"].to_numpy(float))
    if found is None:
        raise DataError(
            "all pictures show one yaw, so degrees can't be told from them", where=manifest.name,
            cure="give pictures of people from several sides",
        )  # fmt: skip
    rotator.pose_map = found
    return found
