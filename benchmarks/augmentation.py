"""How many accepted pictures a second `pifr augment` writes, and which part of it takes the time.

    pifr data twin --people 200 --sessions 1 --recordings 1 --cameras 05_1 --lights 07 --size 64 --out people
    python benchmarks/augmentation.py --data people/manifest.parquet --model RUN --judge RUN --out speed.json

The speed of the machinery is wanted, not the quality of a generator, so every view is measured by judge, pose estimator
and the other checks, and none of them rejects (`--checked` lets them). Sources are decoded and calibrated before the
clock starts; starting worker processes counts.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from pifr.augment import AugmentConfig, ToolNames
from pifr.augment import run as run_module
from pifr.augment.engines.in_process import InProcess
from pifr.augment.engines.local import LocalWorkers
from pifr.augment.joining import merge
from pifr.augment.tools import Tools, one_thread
from pifr.core.commandline import failures_in_one_line
from pifr.core.environment import environment_record
from pifr.core.files import write_json
from pifr.core.interrupt import StopRequest
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.spec import InputSpec

WRITER = ("writer", "waiting for the writer")
NOTHING_REJECTS = {"fmr": None, "max_yaw_error_degrees": 360.0, "min_sharpness": 1e-9,
                   "min_difference": 1e-9}  # fmt: skip


def measure(data: Manifest, names: ToolNames, config: AugmentConfig, workers: int, out: Path) -> dict[str, Any]:
    """Return accepted pictures a second of wall clock and the share of each part."""
    with one_thread():
        tools: Tools = names.load(config.acceptance)
        job, claim = run_module._prepare(data, tools.method, out, config, None, tools.judge, None)
        run_module.claim_folder(out, claim)
        engine = InProcess() if workers == 1 else LocalWorkers(names, workers)
        start, start_cpu = time.perf_counter(), time.process_time()
        seconds = engine.run(job, tools, range(job.plan.blocks), lambda count=1, note="": None, StopRequest())
        wall, cpu = time.perf_counter() - start, time.process_time() - start_cpu
        result = merge(out, seconds)
    busy = sum(value for name, value in seconds.items() if name not in WRITER)
    return {
        "workers": workers,
        "accepted": result.accepted,
        "generated": result.generated,
        "wall_seconds": round(wall, 2),
        "accepted_per_second": round(result.accepted / wall, 1),
        "cpu_milliseconds_per_picture": round(1000 * cpu / result.generated, 2) if workers == 1 else None,
        "share_of_busy_seconds": {
            name: round(value / busy, 3) for name, value in seconds.items() if name not in WRITER
        },
        "writer_seconds_in_threads": round(seconds["writer"], 2),
        "seconds_lost_to_the_writer": round(seconds["waiting for the writer"], 2),
        "load_average": os.getloadavg(),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--data", required=True)
    made.add_argument("--model", required=True)
    made.add_argument("--judge", required=True)
    made.add_argument("--workers", default="1,2", help="worker counts, separated by commas")
    made.add_argument("--limit", type=int, default=2000, help="views")
    made.add_argument("--device", default="cpu")
    made.add_argument("--checked", action="store_true", help="let the checks reject, as pifr augment does")
    made.add_argument("--out", type=Path)
    return made


def main() -> None:
    options = parser().parse_args()
    data = read_manifest(options.data)
    names = ToolNames("ipgan", options.model, options.judge, InputSpec(template=data.template), options.device)
    values = {"limit": options.limit, "count_real": False, "per_person": 26}
    config = AugmentConfig.model_validate(values if options.checked else {**values, "acceptance": NOTHING_REJECTS})
    runs = []
    for workers in map(int, options.workers.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(measure(data, names, config, workers, Path(folder) / "out"))
        print(json.dumps(runs[-1]))
    if options.out:
        write_json(options.out, {"runs": runs, "environment": environment_record()})


if __name__ == "__main__":
    with failures_in_one_line():
        main()
