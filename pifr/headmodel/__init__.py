"""Turning faces by a head model fitted to five landmarks: the 3D way of making views, without any training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.headmodel.fit import Fit
    from pifr.headmodel.rotator import HeadModelRotator

__all__ = ["Fit", "HeadModelRotator"]

_HOMES = {"Fit": "pifr.headmodel.fit", "HeadModelRotator": "pifr.headmodel.rotator"}

__getattr__ = late_names(__name__, _HOMES)
