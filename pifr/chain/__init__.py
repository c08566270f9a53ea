"""The whole story in one call: data, generator, views, recognisers, benchmark, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.chain.chain import ChainResult, run_chain
    from pifr.chain.config import ChainConfig

_HOMES = {
    "ChainConfig": "pifr.chain.config",
    "ChainResult": "pifr.chain.chain",
    "run_chain": "pifr.chain.chain",
}
__all__ = ["ChainConfig", "ChainResult", "run_chain"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that importing the package stays cheap."""
    import importlib

    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
