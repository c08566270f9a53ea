"""The work on one block of people: draw, measure, accept or draw again, write."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.augment.acceptance import Acceptance, Measured, Seen
from pifr.augment.calibration import References
from pifr.augment.config import AugmentConfig
from pifr.augment.marking import xmp_packet
from pifr.augment.methods import Faces, Poses
from pifr.augment.output import PICTURES, REJECTED, Writer
from pifr.augment.plan import NO_POSE_PICTURE, Plan
from pifr.augment.quality import thumbnails
from pifr.augment.sources import Candidates, picture_side_px
from pifr.augment.timing import Clock
from pifr.augment.tools import Tools
from pifr.data.manifest import LANDMARK_COLUMNS, LANDMARKS, Manifest
from pifr.data.pixels import open_pixels

CARRIED_COLUMNS = ("session", "recording", "illumination", "expression", "split")
"""Columns of the source that its views keep."""


@dataclass(frozen=True)
class Job:
    """All that a worker needs beside its tools.

    Attributes:
        out: Folder of the augmentation.
        config: Settings.
        plan: Every view.
        candidates: The sources.
        reference: Pose pictures, where the target imitates.
        references: What the judge compares with.
    """

    out: Path
    config: AugmentConfig
    plan: Plan
    candidates: Candidates
    reference: Manifest | None = None
    references: References | None = None


class Pipeline:
    """Works on blocks in one process. What a block yields depends on the job and the block's number alone.

    Args:
        job: The job.
        tools: Loaded networks.
    """

    def __init__(self, job: Job, tools: Tools) -> None:
        self.job, self.method, self.clock = job, tools.method, Clock()
        self.store, self.paths = job.candidates.open(), job.candidates.manifest.paths
        self.poses = open_pixels(job.reference, self.method.spec.size_px) if job.reference is not None else None
        self.pose_paths = job.reference.paths if job.reference is not None else []
        self.acceptance = Acceptance(job.config.acceptance, tools.judge, job.references, tools.estimator)
        packet = xmp_packet(
            self.method.source_type, {"Generator": self.method.name, "GeneratorSha256": self.method.sha256}
        )
        self.writer = Writer(job.out, job.config.picture_format, packet, self.clock)

    def run(self, number: int) -> list[int]:
        """Work on one block; its last pictures may still be on their way to the disk.

        Returns:
            Blocks whose records were written meanwhile.
        """
        rows, pictures = self._block(self.job.plan.block(number))
        return self.writer.close_block(number, rows, pictures)

    def flush(self) -> list[int]:
        """Wait until everything is on disk; return the blocks recorded meanwhile."""
        return self.writer.flush()

    def stop(self) -> None:
        """End the writer's threads."""
        self.writer.stop()

    def _block(self, views: pd.DataFrame) -> tuple[list[Mapping[str, Any]], list[Future[float]]]:
        settings = self.job.config.acceptance
        entries, seen = self._encode(views)
        rows: list[tuple[int, int, Mapping[str, Any]]] = []
        pictures: list[Future[float]] = []
        todo = list(range(len(views)))
        for attempt in range(1 + settings.retries if self.method.retries else 1):
            if not todo:
                break
            asked = views.iloc[todo]
            subjects, yaws = asked["subject"].tolist(), asked["yaw"].to_numpy(float)
            pixels = self._draw(asked, entries, attempt)
            measured = self.acceptance.measure(pixels, subjects, yaws, self.clock)
            rejected = []
            for place, index in enumerate(todo):
                reason = self.acceptance.reason(measured, place, seen[subjects[place]])
                row = self._row(asked.iloc[place], attempt, reason, measured, place)
                rows.append((index, attempt, row))
                pictures.append(self.writer.put(row["path"], pixels[place]))
                if reason:
                    rejected.append(index)
                else:
                    seen[subjects[place]].thumbnails.append(measured.thumbnails[place])
            todo = rejected
        return [row for _, _, row in sorted(rows, key=lambda entry: entry[:2])], pictures

    def _encode(self, views: pd.DataFrame) -> tuple[dict[int, Any], dict[str, Seen]]:
        """Encode each source of the block once; begin each person's list of what there is."""
        rows = sorted({row for sources in views["sources"] for row in sources})
        pixels = self.store[rows]
        with self.clock.part("generator"):
            entries = dict(zip(rows, self.method.encode(Faces(pixels, self._landmarks(rows))), strict=True))
        people = self.job.candidates.manifest.table["subject"].to_numpy()[rows]
        seen: dict[str, Seen] = {}
        for who in dict.fromkeys(people):
            own = people == who
            mean = float(self.job.candidates.sharpness[np.array(rows)[own]].mean())
            seen[str(who)] = Seen(mean, list(thumbnails(pixels[own])))
        return entries, seen

    def _landmarks(self, rows: list[int]) -> np.ndarray | None:
        if "landmarks" not in self.method.needs:
            return None
        manifest = self.job.candidates.manifest
        points = manifest.table[list(LANDMARK_COLUMNS)].to_numpy(float)[rows].reshape(-1, len(LANDMARKS), 2)
        sides = np.array([picture_side_px(self.paths[row]) for row in rows], dtype=float)
        return points * (self.method.spec.size_px / sides)[:, None, None]

    def _draw(self, asked: pd.DataFrame, entries: dict[int, Any], attempt: int) -> np.ndarray:
        config = self.job.config
        poses = Poses(
            asked["yaw"].to_numpy(float), asked["name"].tolist(),
            self.poses[asked["pose_row"].to_numpy(int)] if self.poses is not None else None,
            attempt, config.seed, config.acceptance.retry_spread,
        )  # fmt: skip
        with self.clock.part("generator"):
            return self.method.draw([[entries[row] for row in rows] for rows in asked["sources"]], poses)

    def _row(self, view: pd.Series, attempt: int, reason: str, measured: Measured, place: int) -> dict[str, Any]:
        """Return a manifest row: everything needed to make the picture again, and what was measured of it."""
        manifest = self.job.candidates.manifest
        paths = [str(self.paths[row].resolve()) for row in view["sources"]]
        folder, mark = (REJECTED, f"_try{attempt}") if reason else (PICTURES, "")
        source = manifest.table.iloc[view["sources"][0]]
        pose_row = int(view["pose_row"])
        imitated = "" if pose_row == NO_POSE_PICTURE else str(self.pose_paths[pose_row])
        return {
            "path": f"{folder}/{view['name']}{mark}.{self.job.config.picture_format}",
            "subject": view["subject"],
            **{column: str(source[column]) for column in CARRIED_COLUMNS if column in manifest.table},
            "yaw": _number(view["yaw"]),
            "view": int(view["number"]),
            "attempt": attempt,
            "accepted": not reason,
            "reject_reason": reason,
            "source_path": paths[0],
            "fused_paths": "|".join(paths[1:]),
            "pose_source": imitated,
            **_figures(measured, place),
        }


def _figures(measured: Measured, place: int) -> dict[str, Any]:
    found: dict[str, Any] = {"sharpness": _number(measured.sharpness[place])}
    columns = {
        "identity_cosine": measured.identity_cosine, "nearest_other_cosine": measured.nearest_other_cosine,
        "nearest_test_cosine": measured.nearest_test_cosine, "yaw_measured": measured.yaw_degrees,
        "yaw_error": measured.yaw_error_degrees,
    }  # fmt: skip
    found.update({name: _number(values[place]) for name, values in columns.items() if values is not None})
    if measured.nearest_other is not None:
        found["nearest_other"] = measured.nearest_other[place]
    return found


def _number(value: float) -> float | None:
    """Return a number that JSON can hold, to 5 decimals; None for NaN."""
    return None if not math.isfinite(value) else round(float(value), 5)
