"""Progress for people: rich bars on a terminal, nothing at all off it, and status lines everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from pifr.core.distributed import is_main

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")


class Advance(Protocol):
    """Moves a bar on."""

    def __call__(self, count: int = 1, note: str = "") -> None:
        """Advance by ``count`` and show ``note`` beside the bar."""


def console() -> Console:
    """Return a console on stderr; stdout stays free for results."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """Print one status line on stderr, from the main process only."""
    if _main_process():
        console().print(line, markup=False, soft_wrap=True)


@contextmanager
def progress_bar(description: str, total: int, done: int = 0) -> Iterator[Advance]:
    """Show a bar while the block runs; draw nothing where stderr is no terminal.

    Args:
        description: What is being done.
        total: Number of steps.
        done: Steps that were finished before, in a resumed job.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    target = console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[note]}"))  # fmt: skip
    with Progress(*columns, console=target, disable=not (target.is_terminal and _main_process())) as progress:
        task = progress.add_task(description, total=total, completed=done, note="")

        def advance(count: int = 1, note: str = "") -> None:
            progress.update(task, advance=count, note=note)

        yield advance


def track(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    """Yield ``items`` while a bar moves on; quiet off a terminal."""
    with progress_bar(description, total) as advance:
        for item in items:
            yield item
            advance()


def _main_process() -> bool:
    # torch.distributed is asked only where torch is loaded: a progress bar must not import it.
    import sys

    return "torch" not in sys.modules or is_main()
