"""Multi-view pictures from single views: plan, generate, check, and say where each picture came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.augment.config import AugmentConfig
    from pifr.augment.generate import AugmentResult, augment

_HOMES = {
    "augment": "pifr.augment.generate",
    "AugmentResult": "pifr.augment.generate",
    "AugmentConfig": "pifr.augment.config",
}
__all__ = ["AugmentConfig", "AugmentResult", "augment"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
