"""Who sees what: the manifests that each stage of a chain is given."""

from __future__ import annotations

import numpy as np

from pifr.chain.config import FRONTAL, GENERATED, TRUE_VIEWS
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest


def frontal(data: Manifest, max_yaw_degrees: float) -> np.ndarray:
    """Tell which pictures are frontal.

    Args:
        data: Pictures with a known yaw.
        max_yaw_degrees: Turned no farther than this.

    Returns:
        ``(N,)`` booleans; a picture of unknown yaw is not frontal.
    """
    return np.abs(np.nan_to_num(data.yaw_degrees, nan=np.inf)) <= max_yaw_degrees


def recogniser_pictures(data: Manifest, system: str, max_yaw_degrees: float) -> Manifest:
    """Choose the real pictures a recogniser may learn from, and all pictures of the validation people.

    Every system learns from the same people. Those without true views get only their frontal pictures: that is
    the case of a web set, and the one in which generated views are worth something.

    Args:
        data: All pictures with their ``split``.
        system: One of the chain's systems.
        max_yaw_degrees: What counts as frontal.

    Returns:
        Rows of the splits ``train`` and ``val``.

    Raises:
        DataError: If a training person has no frontal picture.
    """
    learns = (data.table["split"] == "train").to_numpy()
    if system in (FRONTAL, GENERATED):
        learns = learns & frontal(data, max_yaw_degrees)
        everybody = set(data.of_split("train").subjects)
        lost = sorted(everybody - set(data.table["subject"][learns]))
        if lost:
            raise DataError(
                f"{len(lost)} training people have no picture within {max_yaw_degrees:g} degrees of frontal",
                where=data.name, found=", ".join(lost[:5]), cure="raise max_frontal_yaw_degrees or drop them",
            )  # fmt: skip
    elif system != TRUE_VIEWS:
        raise ValueError(f"no such system: {system}")
    return data.select(learns | (data.table["split"] == "val").to_numpy())
