"""One process, one block after the other."""

from __future__ import annotations

from collections.abc import Sequence

from pifr.augment.tools import Tools
from pifr.augment.work import Job, Pipeline
from pifr.core.interrupt import StopRequest
from pifr.core.progress import Advance


class InProcess:
    """The engine that the others must equal byte for byte."""

    def run(
        self, job: Job, tools: Tools, blocks: Sequence[int], advance: Advance, stop: StopRequest
    ) -> dict[str, float]:
        """See :class:`pifr.augment.engines.Engine`."""
        pipeline = Pipeline(job, tools)
        try:
            for number in blocks:
                for done in pipeline.run(number):
                    advance(len(job.plan.block(done)))
                if stop:
                    break
            for done in pipeline.flush():
                advance(len(job.plan.block(done)))
        finally:
            pipeline.stop()
        return dict(pipeline.clock.seconds)
