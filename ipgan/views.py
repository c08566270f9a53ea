"""Which views there are, for generators that learn views as classes."""

from __future__ import annotations

import numpy as np

from pifr.core.errors import DataError


def view_yaws(yaws_degrees: np.ndarray, step_degrees: float, mirrored: bool, name: str) -> tuple[float, ...]:
    """Find the views that pictures show.

    Args:
        yaws_degrees: ``(N,)``, NaN where unknown.
        step_degrees: Yaws that round to one multiple of this are one view; its yaw is their mean.
        mirrored: Pictures are mirrored in training, so that each view stands for its mirror image too.
        name: Of the pictures, for the message.

    Returns:
        Rising yaws of the K views.

    Raises:
        DataError: If fewer than two views are known.
    """
    yaws = yaws_degrees[np.isfinite(yaws_degrees)]
    found = "no known yaw"
    if len(yaws):
        found = f"{len(yaws)} pictures between {yaws.min():.1f} and {yaws.max():.1f} degrees, which is one view"
    if mirrored:
        yaws = np.concatenate([yaws, -yaws])
    bins = np.round(yaws / step_degrees)
    centres = tuple(round(float(yaws[bins == number].mean()), 3) + 0.0 for number in np.unique(bins))
    if len(centres) < 2:
        raise DataError(
            "DR-GAN and CR-GAN learn views as classes and need pictures of at least two known yaws", where=name,
            found=found, cure="fill the column 'yaw' with: pifr data pose, or train generator: ipgan",
        )  # fmt: skip
    return centres
