"""The twin: people who do not exist, photographed by Multi-PIE's cameras, lights and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.twin.config import FreeConfig, TwinConfig
    from pifr.twin.dataset import render_twin
    from pifr.twin.index import twin_index
    from pifr.twin.scene import Material, Scene

__all__ = ["FreeConfig", "Material", "Scene", "TwinConfig", "render_twin", "twin_index"]

_HOMES = {
    "FreeConfig": "pifr.twin.config",
    "Material": "pifr.twin.scene",
    "Scene": "pifr.twin.scene",
    "TwinConfig": "pifr.twin.config",
    "render_twin": "pifr.twin.dataset",
    "twin_index": "pifr.twin.index",
}

__getattr__ = late_names(__name__, _HOMES)
