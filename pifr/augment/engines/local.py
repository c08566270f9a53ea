"""Worker processes on this machine, each with its own networks; blocks are handed out as workers become free."""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections.abc import Sequence
from typing import Any

from pifr.augment.timing import Clock
from pifr.augment.tools import ToolNames, Tools, one_thread
from pifr.augment.work import Job, Pipeline
from pifr.core.errors import PifrError
from pifr.core.gpu_memory import full_gpu
from pifr.core.interrupt import StopRequest
from pifr.core.progress import Advance


class LocalWorkers:
    """Engine of N processes.

    Args:
        names: What each worker opens; several GPUs are dealt out in turn.
        workers: How many.
    """

    def __init__(self, names: ToolNames, workers: int) -> None:
        self.names, self.workers = names, workers

    def run(
        self, job: Job, tools: Tools, blocks: Sequence[int], advance: Advance, stop: StopRequest
    ) -> dict[str, float]:
        """See :class:`pifr.augment.engines.Engine`."""
        context = multiprocessing.get_context("spawn")  # CUDA and torch's threads do not survive a fork
        tasks: Any = context.Queue()
        results: Any = context.Queue()
        halt: Any = context.Event()
        count = min(self.workers, len(blocks))
        for item in [*blocks, *[None] * count]:
            tasks.put(item)
        processes = [
            context.Process(target=_work, args=(rank, job, self.names, tasks, results, halt), daemon=True)
            for rank in range(count)
        ]
        for process in processes:
            process.start()
        try:
            return _collect(job, processes, results, halt, advance, stop)
        finally:
            halt.set()
            for process in processes:
                process.join(timeout=30)
                if process.is_alive():
                    process.terminate()
            for line in (tasks, results):
                line.cancel_join_thread()
                line.close()


def _collect(
    job: Job, processes: Sequence[Any], results: Any, halt: Any, advance: Advance, stop: StopRequest
) -> dict[str, float]:
    clock, running = Clock(), set(range(len(processes)))
    while running:
        if stop:
            halt.set()
        try:
            kind, rank, value = results.get(timeout=0.5)
        except queue.Empty:
            dead = [rank for rank in running if processes[rank].exitcode not in (None, 0)]
            if dead:
                raise PifrError(
                    "a worker process died", found=f"exit code {processes[dead[0]].exitcode}",
                    cure="run the same command again to go on; with fewer --workers if memory is short",
                ) from None  # fmt: skip
            continue
        if kind == "error":
            raise value
        if kind == "done":
            advance(len(job.plan.block(value)))
        else:
            clock.add(value)
            running.discard(rank)
    return dict(clock.seconds)


def _work(rank: int, job: Job, names: ToolNames, tasks: Any, results: Any, halt: Any) -> None:
    """Work on blocks until there are no more; the parent alone listens to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with one_thread():
            pipeline = Pipeline(job, names.for_worker(rank).load(job.config.acceptance))
            try:
                while not halt.is_set():
                    number = tasks.get()
                    if number is None:
                        break
                    for done in pipeline.run(number):
                        results.put(("done", rank, done))
                for done in pipeline.flush():
                    results.put(("done", rank, done))
            finally:
                pipeline.stop()
        results.put(("end", rank, dict(pipeline.clock.seconds)))
    except Exception as error:  # sent to the parent, which raises it
        results.put(("error", rank, error if isinstance(error, PifrError) else _plain(error)))


def _plain(error: Exception) -> PifrError:
    """Return an error that survives the way to the parent, whatever its class."""
    return full_gpu(error) or PifrError(f"a worker failed: {type(error).__name__}: {error}")
