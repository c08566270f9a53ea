"""The rendered people that a pose estimator learns from, and those it is judged on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pifr.core.seeds import numpy_generator
from pifr.data.manifest import Manifest
from pifr.data.pixels import open_pixels
from pifr.pose.config import PoseConfig
from pifr.twin import render_twin


@dataclass(frozen=True)
class PoseData:
    """Pictures and true angles.

    Attributes:
        pixels: ``(N, H, H, 3)`` uint8 RGB of all people, memory-mapped.
        angles: ``(N, 2)`` float32 yaw and pitch in degrees.
        subjects: ``(N,)`` who is shown.
        train_rows: Rows of people to learn from.
        test_rows: Rows of people to be judged on; nobody is in both.
        fingerprint: Digest of the manifest and its files.
    """

    pixels: np.ndarray
    angles: np.ndarray
    subjects: np.ndarray
    train_rows: np.ndarray
    test_rows: np.ndarray
    fingerprint: str

    def rows_of_step(self, seed: int, step: int, batch_size: int) -> np.ndarray:
        """Return the rows ``(B,)`` of one step: a function of seed and step alone; each epoch shows every row once."""
        order: list[np.ndarray] = []
        first, last = step * batch_size, (step + 1) * batch_size
        count = len(self.train_rows)
        for epoch in range(first // count, (last - 1) // count + 1):
            shuffled = numpy_generator(seed, "epoch", epoch).permutation(self.train_rows)
            order.append(shuffled[max(0, first - epoch * count) : last - epoch * count])
        return np.concatenate(order)


def prepare_data(config: PoseConfig) -> PoseData:
    """Render what is missing of the training set and read it.

    Raises:
        DataError: If the folder holds another set, or a picture is damaged.
        DependencyError: If the packages of the extra ``twin`` are missing.
        Interrupted: After Ctrl-C; finished pictures are kept.
    """
    workers = config.workers or os.cpu_count() or 1
    return read_data(render_twin(config.twin, Path(config.folder), workers), config)


def read_data(manifest: Manifest, config: PoseConfig) -> PoseData:
    """Decode a rendered set and part its people: the last ``test_people`` by name are the test."""
    pixels = open_pixels(manifest, config.twin.size_px).images
    angles = manifest.table[["yaw", "pitch"]].to_numpy(np.float32)
    subjects = manifest.table["subject"].to_numpy(str)
    is_test = np.isin(subjects, manifest.subjects[-config.test_people :])
    return PoseData(pixels, angles, subjects, np.flatnonzero(~is_test), np.flatnonzero(is_test), manifest.fingerprint())
