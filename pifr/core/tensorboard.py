"""Curves for TensorBoard, beside history.jsonl, which stays the record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pifr.core.distributed import is_main
from pifr.core.errors import require_extra


class Curves(Protocol):
    """Takes one point of each of some curves."""

    def __call__(self, step: int, values: Mapping[str, Any]) -> None:
        """Add the numbers among ``values`` at ``step``."""


def require_tensorboard(wanted: bool) -> None:
    """Refuse curves without their package; call it before work that ends in writing them.

    Raises:
        DependencyError: If they are wanted and the package ``tensorboard`` is not installed.
    """
    if wanted and is_main():
        require_extra("tensorboard", "tensorboard", "--tensorboard")


@contextmanager
def open_tensorboard(folder: Path | None, first_step: int = 0) -> Iterator[Curves]:
    """Yield a writer of curves; it writes nothing without a folder, and on the main process only.

    Args:
        folder: Where the event files go; None for none.
        first_step: Points from here on that an earlier start left behind are hidden.

    Raises:
        DependencyError: If the package ``tensorboard`` is not installed.
    """
    if folder is None or not is_main():
        yield lambda step, values: None
        return
    require_tensorboard(True)
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder), purge_step=first_step)

    def add(step: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                writer.add_scalar(name, value, step)
        writer.flush()

    try:
        yield add
    finally:
        writer.close()
