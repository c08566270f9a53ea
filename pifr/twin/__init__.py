"""The twin: people who do not exist, photographed by Multi-PIE's cameras, lights and sessions."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
