"""IP-GAN: a face generator that keeps identity and pose apart.

* ``train`` trains one from a manifest.
* ``Rotator`` turns faces with trained weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
