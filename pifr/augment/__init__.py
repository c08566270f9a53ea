"""Multi-view pictures from single views: plan, generate, check, and say where each picture came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.augment.config import AcceptanceConfig, AugmentConfig
    from pifr.augment.joining import merge
    from pifr.augment.methods import open_method
    from pifr.augment.result import AugmentResult
    from pifr.augment.run import augment
    from pifr.augment.tools import ToolNames

_HOMES = {
    "augment": "pifr.augment.run",
    "merge": "pifr.augment.joining",
    "open_method": "pifr.augment.methods",
    "AcceptanceConfig": "pifr.augment.config",
    "AugmentConfig": "pifr.augment.config",
    "AugmentResult": "pifr.augment.result",
    "ToolNames": "pifr.augment.tools",
}
__all__ = ["AcceptanceConfig", "AugmentConfig", "AugmentResult", "ToolNames", "augment", "merge", "open_method"]

__getattr__ = late_names(__name__, _HOMES)
