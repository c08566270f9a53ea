"""IP-GAN: a face generator that keeps identity and pose apart.

* ``train`` trains one from a manifest.
* ``Rotator`` turns faces with trained weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from ipgan.config import TrainConfig
    from ipgan.rotator import Rotator
    from ipgan.training import TrainResult, train

_HOMES = {
    "Rotator": "ipgan.rotator",
    "TrainConfig": "ipgan.config",
    "TrainResult": "ipgan.training",
    "train": "ipgan.training",
}
__all__ = ["Rotator", "TrainConfig", "TrainResult", "train"]

__getattr__ = late_names(__name__, _HOMES)
