"""Actors of Ray (extra ``ray``): on this machine, started by itself, or on a cluster that shares the folders."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from pifr.augment.timing import Clock
from pifr.augment.tools import ToolNames, Tools, one_thread
from pifr.augment.work import Job, Pipeline
from pifr.core.errors import PifrError, require_extra
from pifr.core.gpu_memory import full_gpu
from pifr.core.interrupt import StopRequest
from pifr.core.progress import Advance

_START_SECONDS = 180
"""Ray gives its own start half a minute, too little on a machine that is busy. More does not help: Ray's raylet ends
itself where its agent takes over 15 s to start, and is then waited for in vain."""


class RayWorkers:
    """Engine of Ray actors: one a GPU where the cluster has GPUs, else ``workers`` of one CPU core each.

    Args:
        names: What each actor opens.
        workers: Actors, where there is no GPU.
        address: Of a running cluster, such as ``auto`` or ``ray://host:10001``; None starts Ray on this machine.
    """

    def __init__(self, names: ToolNames, workers: int, address: str | None = None) -> None:
        self.names, self.workers, self.address = names, workers, address

    def run(
        self, job: Job, tools: Tools, blocks: Sequence[int], advance: Advance, stop: StopRequest
    ) -> dict[str, float]:
        """See :class:`pifr.augment.engines.Engine`."""
        ray: Any = require_extra("ray", "ray", "the engine 'ray'")
        started = _connect(ray, self.address, self.workers)
        try:
            gpus = int(ray.cluster_resources().get("GPU", 0))
            count = min(gpus or self.workers, len(blocks))
            actor = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(_Actor)
            shared = ray.put(job)
            actors = [actor.remote(shared, self.names) for _ in range(count)]
            clock = Clock()
            try:
                for done, seconds in _results(ray, actors, blocks, stop):
                    advance(sum(len(job.plan.block(number)) for number in done))
                    clock.add(seconds)
            except ray.exceptions.RayTaskError as error:
                raise _own_error(error) from error
            except ray.exceptions.RayActorError as error:
                raise PifrError(
                    "a Ray actor failed", found=str(error).splitlines()[0], cure="run the same command again to go on"
                ) from error
            return dict(clock.seconds)
        finally:
            if started:
                ray.shutdown()


class _Actor:
    """A pipeline in a process of Ray's."""

    def __init__(self, job: Job, names: ToolNames) -> None:
        with one_thread():
            self.pipeline = Pipeline(job, names.load(job.config.acceptance))

    def run(self, number: int) -> tuple[list[int], dict[str, float]]:
        """Work on one block; return the blocks recorded meanwhile."""
        with one_thread():
            return self.pipeline.run(number), {}

    def flush(self) -> tuple[list[int], dict[str, float]]:
        """Record the last blocks; return them and the seconds of the whole work."""
        done = self.pipeline.flush()
        self.pipeline.stop()
        return done, dict(self.pipeline.clock.seconds)


def _connect(ray: Any, address: str | None, workers: int) -> bool:
    """Connect to Ray, or start it; return whether this call did either."""
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False}
    if address is None:
        os.environ.setdefault("RAY_raylet_start_wait_time_s", str(_START_SECONDS))
        os.environ.setdefault("RAY_agent_register_timeout_ms", str(1000 * _START_SECONDS))
        options.update(address="local", num_cpus=workers, include_dashboard=False)
    else:
        options.update(address=address)
    try:
        ray.init(**options)
    except Exception as error:  # a start that takes too long raises a bare Exception
        raise PifrError(
            "can't reach Ray", where=address or "this machine", found=str(error).splitlines()[0],
            cure="check --ray-address, or leave it out to start Ray here" if address else (
                "run it again when the machine is less busy, or use --engine local, which makes the same files"
            ),
        ) from error  # fmt: skip
    return True


def _results(
    ray: Any, actors: Sequence[Any], blocks: Sequence[int], stop: StopRequest
) -> Iterator[tuple[list[int], dict[str, float]]]:
    """Hand blocks to actors as they become free; yield what each call returned."""
    waiting = list(reversed(blocks))
    running = {actor.run.remote(waiting.pop()): actor for actor in actors}
    while running:
        ready, _ = ray.wait(list(running), num_returns=1)
        actor = running.pop(ready[0])
        yield ray.get(ready[0])
        if waiting and not stop:
            running[actor.run.remote(waiting.pop())] = actor
    for result in [actor.flush.remote() for actor in actors]:
        yield ray.get(result)


def _own_error(error: Any) -> PifrError:
    cause = error.cause
    return cause if isinstance(cause, PifrError) else full_gpu(cause) or PifrError(f"a worker failed: {cause}")
