"""The whole story in one call: data, generator, views, recognisers, benchmark, report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pifr.core.late import late_names

if TYPE_CHECKING:
    from pifr.chain.chain import ChainResult, run_chain
    from pifr.chain.config import ChainConfig

_HOMES = {
    "ChainConfig": "pifr.chain.config",
    "ChainResult": "pifr.chain.chain",
    "run_chain": "pifr.chain.chain",
}
__all__ = ["ChainConfig", "ChainResult", "run_chain"]

__getattr__ = late_names(__name__, _HOMES)
