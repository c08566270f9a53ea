"""One self-contained HTML page for one or several systems: tables, plots, pictures; no network needed to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.report.page import write_report

__all__ = ["write_report"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    if name == "write_report":
        from pifr.report.page import write_report

        return write_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
