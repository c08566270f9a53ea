"""One self-contained HTML page for one or several systems: tables, plots, pictures; no network needed to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.report.page import write_report

_HOMES = {"write_report": "pifr.report.page"}
__all__ = ["write_report"]

__getattr__ = late_names(__name__, _HOMES)
