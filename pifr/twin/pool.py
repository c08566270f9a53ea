"""Takes rendered by worker processes, handed out as workers become free."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from pifr.core.errors import PifrError
from pifr.core.interrupt import StopRequest
from pifr.twin.config import TwinConfig
from pifr.twin.plan import Take
from pifr.twin.work import render_take

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def finished_takes(
    takes: Sequence[Take], config: TwinConfig, out: Path, workers: int, stop: StopRequest
) -> Iterator[Take]:
    """Render takes in worker processes and yield each when it is finished, in any order.

    Once `stop` is set, no more takes are handed out and those in work are finished.

    Raises:
        PifrError: If a worker dies, for example for want of memory.
    """
    waiting = iter(takes)
    running: dict[Future[int], Take] = {}
    # Fresh processes: a fork would copy the locks of the parent's threads in whatever state they are.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(workers, context, _start_worker, (os.getpid(),)) as pool:
        try:
            while True:
                while not stop and len(running) < 2 * workers and (take := next(waiting, None)) is not None:
                    running[pool.submit(render_take, take, config, out)] = take
                if not running:
                    return
                # A timeout, since a signal does not end the wait.
                for future in wait(running, timeout=0.5, return_when=FIRST_COMPLETED).done:
                    take = running.pop(future)
                    future.result()
                    yield take
        except BrokenProcessPool as error:
            raise PifrError(
                "a worker process died", found="perhaps the memory ran out",
                cure="use fewer --workers and run it again: finished pictures are kept",
            ) from error  # fmt: skip
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Keep each worker's linear algebra to one thread; as many workers as cores are the parallelism."""
    before = {name: os.environ.get(name) for name in _THREAD_LIMITS}
    os.environ.update(dict.fromkeys(_THREAD_LIMITS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker(parent: int) -> None:
    # Ctrl-C reaches the whole process group; only the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, args=(parent,), daemon=True).start()


def _die_with_parent(parent: int) -> None:
    """End this process once its parent was killed, instead of waiting for work for ever."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
