"""Which pictures of each person are turned."""

from __future__ import annotations

import numpy as np

from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.training_data import TrainingData


def source_rows(data: TrainingData, config: OnTheFlyConfig) -> np.ndarray:
    """Return the rows of each person's most frontal real pictures ``(N,)``; an unknown yaw counts as frontal."""
    turn = np.nan_to_num(np.abs(data.train.yaw_degrees), nan=0.0)
    candidates = np.flatnonzero(~data.generated & (turn <= config.max_source_yaw_degrees))
    candidates = candidates[np.lexsort((candidates, turn[candidates], data.labels[candidates]))]
    labels = data.labels[candidates]
    place = np.arange(len(labels)) - np.searchsorted(labels, labels)
    return np.sort(candidates[place < config.sources_per_person])
