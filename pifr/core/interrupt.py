"""Ctrl-C asks long work to stop at the next safe point instead of tearing it apart."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class Interrupted(Exception):  # noqa: N818 - a request granted, no error
    """Long work stopped on request after saving its state; the command line exits with code 130."""


class StopRequest:
    """Set once SIGINT or SIGTERM came in; loops read it after each step."""

    def __init__(self) -> None:
        self.requested = False

    def __bool__(self) -> bool:
        return self.requested


@contextmanager
def same_command_goes_on(done_in: Path) -> Iterator[None]:
    """Say of work in several steps how all of it goes on; a step that is interrupted would say how it alone does.

    Args:
        done_in: Folder of what is done.

    Raises:
        Interrupted: After Ctrl-C.
    """
    try:
        yield
    except (Interrupted, KeyboardInterrupt) as stopped:
        raise Interrupted(f"the same command goes on from what is done in {done_in}") from stopped


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Yield a :class:`StopRequest`; a second signal stops at once, as users expect.

    Signals can be caught on the main thread only; elsewhere the request simply never comes.
    """
    request = StopRequest()
    previous: dict[signal.Signals, object] = {}

    def on_signal(number: int, frame: FrameType | None) -> None:
        if request.requested:
            raise KeyboardInterrupt
        request.requested = True

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            previous[number] = signal.signal(number, on_signal)
        except ValueError:
            break
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
