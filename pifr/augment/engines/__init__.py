"""Who works on the blocks: this process, worker processes, or Ray. All of them make the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pifr.augment.tools import Tools
from pifr.augment.work import Job
from pifr.core.interrupt import StopRequest
from pifr.core.progress import Advance


class Engine(Protocol):
    """Works on blocks until they are done or a stop is asked for."""

    def run(
        self, job: Job, tools: Tools, blocks: Sequence[int], advance: Advance, stop: StopRequest
    ) -> dict[str, float]:
        """Work on ``blocks``.

        Args:
            job: The job.
            tools: This process's own; an engine with other processes opens the same in each.
            blocks: Numbers.
            advance: Called with the number of views of each block once it is recorded.
            stop: Ends the work after the blocks that have begun.

        Returns:
            Seconds by part of the work, added up over processes.

        Raises:
            PifrError: If a worker fails; blocks recorded so far stay.
        """
