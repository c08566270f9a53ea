"""The yaw x yaw table: how hard two poses are to match with each other."""

from __future__ import annotations

import numpy as np

from pifr.evaluation.figures import yaw_groups
from pifr.evaluation.scores import ScoreTable
from pifr.metrics import equal_error_rate


def pose_matrix(table: ScoreTable, system: str, bin_degrees: float) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the EER between every two yaws, from the sample of picture pairs across poses.

    Args:
        table: Scores with pairs that are not part of the search.
        system: Name of the system.
        bin_degrees: Width of a yaw group.

    Returns:
        Names of the G yaws, left to right; ``(G, G)`` equal error rates, NaN where a cell has one kind of
        comparison only; ``(G, G)`` numbers of mated comparisons.
    """
    pairs = table.select(~table.search)
    yaw = table.pictures["yaw"].to_numpy(dtype=float)
    groups = {name: mask for name, mask in yaw_groups(yaw, bin_degrees, signed=True).items() if name != "unknown"}
    names = list(groups)
    group_of_picture = np.full(len(yaw), -1)
    for index, mask in enumerate(groups.values()):
        group_of_picture[mask] = index
    scores = pairs.with_floor(system)
    low = np.minimum(group_of_picture[pairs.probe], group_of_picture[pairs.reference])
    high = np.maximum(group_of_picture[pairs.probe], group_of_picture[pairs.reference])
    cell = low * len(names) + high
    rates = np.full((len(names), len(names)), np.nan)
    counts = np.zeros((len(names), len(names)), int)
    for code in np.unique(cell[low >= 0]):
        row, column = divmod(int(code), len(names))
        here = cell == code
        genuine, impostor = scores[here & pairs.mated], scores[here & ~pairs.mated]
        counts[row, column] = counts[column, row] = len(genuine)
        if len(genuine) and len(impostor):
            rates[row, column] = rates[column, row] = equal_error_rate(genuine, impostor)
    return names, rates, counts
