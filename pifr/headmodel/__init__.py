"""Turning faces by a head model fitted to five landmarks: the 3D way of making views, without any training."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.headmodel.fit import Fit
    from pifr.headmodel.rotator import HeadModelRotator

__all__ = ["Fit", "HeadModelRotator"]

_HOMES = {"Fit": "pifr.headmodel.fit", "HeadModelRotator": "pifr.headmodel.rotator"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
