"""The plan: which view of which picture goes to which file. Pure tables, no pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pifr.augment.config import AugmentConfig
from pifr.core.errors import DataError
from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest

NO_POSE_PICTURE = -1
"""``pose_row`` of a view asked for in degrees."""


def choose_sources(data: Manifest, config: AugmentConfig) -> tuple[np.ndarray, list[str]]:
    """Choose the pictures to turn: each person's most frontal ones.

    Args:
        data: Manifest of people. Rows of kind ``generated`` are never sources.
        config: Says how many a person and how far turned at most.

    Returns:
        Row numbers ``(S,)`` in manifest order, and the people who have no usable source.
    """
    table = data.table
    turn = np.nan_to_num(np.abs(data.yaw_degrees), nan=0.0)
    usable = turn <= config.max_source_yaw_degrees
    if "kind" in table:
        usable &= (table["kind"] != "generated").to_numpy()
    candidates = pd.DataFrame({"subject": table["subject"], "turn": turn, "row": np.arange(len(table))})[usable]
    # Stable order: most frontal first, then as listed.
    ranked = candidates.sort_values(["subject", "turn", "row"], kind="stable")
    chosen = ranked.groupby("subject", sort=False).head(config.sources_per_person)
    missing = sorted(set(table["subject"]) - set(chosen["subject"]))
    return np.sort(chosen["row"].to_numpy()), missing


def plan_views(data: Manifest, sources: np.ndarray, config: AugmentConfig, poses: Manifest | None) -> pd.DataFrame:
    """List every view to generate.

    Args:
        data: Where the source rows point to.
        sources: Row numbers ``(S,)``.
        config: The yaws, or how many pose pictures each source imitates.
        poses: Pictures to imitate, if any.

    Returns:
        One row a view: ``source_row``, ``pose_row``, ``yaw`` (NaN where the pose picture's is unknown), ``path``.

    Raises:
        DataError: If pose pictures are asked for and there are none, or fewer than a source needs.
    """
    names = _unique_names(data, sources)
    if not config.imitate_per_source:
        views = [
            (row, NO_POSE_PICTURE, yaw, f"{name}_yaw{yaw:+06.1f}")
            for row, name in zip(sources, names, strict=True)
            for yaw in config.yaws_degrees
        ]
    else:
        if poses is None:
            raise DataError("imitate_per_source needs a manifest of pose pictures", cure="name one with --imitate")
        drawn = [_draw_poses(data, int(row), poses, config) for row in sources]
        yaws = poses.yaw_degrees
        views = [
            (row, pose, yaws[pose], f"{name}_pose{pose:06d}")
            for row, name, chosen in zip(sources, names, drawn, strict=True)
            for pose in chosen
        ]
    plan = pd.DataFrame(views, columns=["source_row", "pose_row", "yaw", "name"])
    subjects = data.table["subject"].to_numpy()[plan["source_row"]]
    plan["path"] = [
        f"pictures/{_as_folder(subject)}/{name}.{config.picture_format}"
        for subject, name in zip(subjects, plan["name"], strict=True)
    ]
    return plan.drop(columns="name")


def _draw_poses(data: Manifest, source_row: int, poses: Manifest, config: AugmentConfig) -> Sequence[int]:
    if len(poses) < config.imitate_per_source:
        raise DataError(
            f"imitate_per_source is {config.imitate_per_source}", where=poses.name, found=f"{len(poses)} pictures"
        )
    # Keyed by the picture, not by its row, so that adding people does not change anybody's poses.
    generator = numpy_generator(config.seed, "imitate", str(data.table["path"].iloc[source_row]))
    return [int(row) for row in generator.choice(len(poses), config.imitate_per_source, replace=False)]


def _unique_names(data: Manifest, sources: np.ndarray) -> list[str]:
    """Name each source by its file's stem, with the row number where two of a person's stems are alike."""
    stems = [data.paths[row].stem for row in sources]
    keys = pd.Series([f"{data.table['subject'].iloc[row]}/{stem}" for row, stem in zip(sources, stems, strict=True)])
    repeated = keys.duplicated(keep=False)
    return [f"{stem}_row{row}" if twice else stem for row, stem, twice in zip(sources, stems, repeated, strict=True)]


def _as_folder(subject: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in subject)
