"""How fast the twin is rendered: pictures a second and core by size, where the time goes, memory, worker processes.

    python benchmarks/twin_speed.py --sizes 64,128 --workers 1,2

Times are processor seconds, so that other work on the machine does not blur them; only the last table, of worker
processes, is measured by the clock.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pifr.core.seeds import numpy_generator
from pifr.twin.background import backdrop, backdrop_light
from pifr.twin.config import TwinConfig
from pifr.twin.dataset import render_twin
from pifr.twin.render import Studio
from pifr.twin.room import room_takes
from pifr.twin.sensor import expose
from pifr.twin.sitter import sitter
from pifr.twin.work import write_picture_fast


class Stopwatch:
    """Adds up processor seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the block's time to `name`."""
        start = time.process_time()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start


def by_stage(size_px: int, people: str, lights: tuple[str, ...]) -> None:
    """Print where the time of a picture goes."""
    config = TwinConfig(people=people, sessions=(1,), recordings=(1,), lights=lights, size_px=size_px)
    takes = list(room_takes(config))
    sitter(config.seed, 1, 1, "neutral", 0)  # loads the head model
    watch, pictures = Stopwatch(), 0
    with tempfile.TemporaryDirectory() as folder:
        for take in takes:
            with watch.measure("person"):
                scene = sitter(config.seed, take.person, take.session, take.expression, take.recording - 1)
            with watch.measure("ray tree and soft light"):
                studio = Studio(scene, take, config)
            for sight in take.sights:
                with watch.measure("rays of a camera"):
                    look = studio.look(sight)
                with watch.measure("landmarks"):
                    look.landmarks()
                with watch.measure("light, shadow, sensor"):
                    developed = list(look.pictures(sight.lightings))
                with watch.measure("writing PNG"):
                    for lighting, pixels in developed:
                        write_picture_fast(Path(folder) / f"{sight.camera}_{lighting.name}.png", pixels)
                pictures += len(developed)
    total = sum(watch.seconds.values())
    print(f"\n{size_px} px, {len(lights)} lights a camera: {pictures / total:.0f} pictures a second and core")
    for name, seconds in watch.seconds.items():
        print(f"  {name:<26}{1000 * seconds / pictures:8.2f} ms a picture {100 * seconds / total:5.0f} %")


def sensor_alone(size_px: int) -> None:
    """Print what background and sensor cost, a part of `light, shadow, sensor`."""
    config = TwinConfig(people=1, sessions=(1,), recordings=(1,), lights=("07",), size_px=size_px)
    sight = next(room_takes(config)).sights[0]
    wall = backdrop(0, "wall", size_px)
    start = time.process_time()
    for number in range(100):
        light = wall * backdrop_light(sight.lightings[0], sight.rotation[2])
        expose(light, sight.gains, numpy_generator(number))
    print(f"  of that, sensor and wall  {10 * (time.process_time() - start):8.2f} ms a picture")


def by_workers(size_px: int, people: int, workers: list[int]) -> None:
    """Print pictures a second by the clock for several numbers of worker processes."""
    print(f"\n{size_px} px, clock time, processes started anew")
    for count in workers:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            manifest = render_twin(TwinConfig(people=people, sessions=(1,), size_px=size_px), folder, workers=count)
            rate = len(manifest) / (time.perf_counter() - start)
        print(f"  {count} workers: {rate:.0f} pictures a second ({len(manifest)} pictures)")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--sizes", default="64,128")
    made.add_argument("--workers", default="1,2")
    made.add_argument("--people", type=int, default=4)
    return made


def main() -> None:
    options = parser().parse_args()
    every = tuple(f"{number:02d}" for number in range(20))
    for size in map(int, options.sizes.split(",")):
        for lights in (every, ("07",)):
            by_stage(size, str(options.people), lights)
        sensor_alone(size)
        by_workers(size, options.people, [int(count) for count in options.workers.split(",")])
    for who, name in ((resource.RUSAGE_SELF, "this process"), (resource.RUSAGE_CHILDREN, "largest worker")):
        print(f"{name}: {resource.getrusage(who).ru_maxrss / 1024:.0f} MiB at most")


if __name__ == "__main__":
    main()
