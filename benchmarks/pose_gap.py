"""The headline: how much of the pose gap do generated views win back?

    python benchmarks/pose_gap.py --quick --out runs/pose-gap-quick
    python benchmarks/pose_gap.py --out runs/pose-gap --results docs/results
    python benchmarks/pose_gap.py --config configs/study-multipie.yaml --seeds 0 --out runs/multipie

One recogniser a row (see --list), all with the same network, loss and steps; people A (seen from all sides), B (frontal
pictures only) and C (the test) share nobody; every seed draws other people and trains anew. A step that is done in
--out and whose inputs are unchanged is kept, so an interrupted study is gone on with by the same command. Sizes may
stand in a file (keys: benchmarks/study/settings.py); options override it.

Writes pose_gap.json, pose_gap.md, pose_gap.png and .svg into --results (by default --out).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.study.people import draw_people, split_people
from benchmarks.study.pool import Pool, open_pool
from benchmarks.study.rows import QUICK as QUICK_ROWS
from benchmarks.study.rows import Row, all_rows, choose_rows, refuse_sizes
from benchmarks.study.settings import QUICK, StudySettings
from benchmarks.study.study import Outcome, refuse_taught_people, run_study
from benchmarks.study.tables import draw_gain_by_size, draw_rank_against_yaw, markdown, stored_gains, summarise
from pifr.core.config import check_config, load_config
from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError, PifrError
from pifr.core.files import write_json, write_text
from pifr.core.interrupt import Interrupted

NAME = "pose_gap"
INTERRUPTED = 130
"""Exit status after Ctrl-C, as of the toolkit's own commands."""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=Path("runs/pose-gap"), help="folder of everything that is made")
    made.add_argument("--results", type=Path, help="folder of table and plots; --out where absent")
    made.add_argument("--config", metavar="FILE", help="YAML of settings, or its name in configs/; options override it")
    made.add_argument("--quick", action="store_true", help="few people and steps, one seed: shows that it runs")
    made.add_argument("--twin", help="manifest of people to draw from, rendered or your own, instead of rendering")
    made.add_argument("--generator", action="append", default=[], metavar="[NAME=]RUN",
                      help="trained generator, ipgan where no name stands before it; repeatable")  # fmt: skip
    made.add_argument("--rows", help="keys of rows, with commas; empty or nowhere named: all")
    made.add_argument("--seeds", help="seeds, with commas")
    made.add_argument("--people", help="people of A, B and C, with commas")
    made.add_argument("--a-sizes", help="people of A for the rows on its size, with commas; empty for none")
    made.add_argument("--generator-steps", type=int, help="training steps of every generator")
    made.add_argument("--steps", type=int, help="training steps of every recogniser")
    made.add_argument("--width", type=float, help="width of the recogniser's network")
    made.add_argument("--device", help="auto, cpu, cuda or cuda:N; auto where nothing is said")
    made.add_argument("--list", action="store_true", help="list the rows and stop")
    made.add_argument("--dry-run", action="store_true", help="say who would be drawn and what would be trained; stop")
    return made


def settings_of(options: argparse.Namespace) -> StudySettings:
    """Return the settings that a command line asks for: defaults, then the config or --quick, then the other options.

    Raises:
        PifrError: Where the config or an option can't be used; the message names the file or the option.
    """
    if options.quick and options.config is not None:
        raise ConfigError(
            "sizes come from --quick or from a config, not from both", where=f"--quick with --config {options.config}",
            cure="leave --quick away and make the config's study small by --people, --seeds, --rows and --steps",
        )  # fmt: skip
    # The file is checked by itself, so that its mistakes are told with its name.
    values: dict[str, Any] = load_config(StudySettings, options.config).model_dump()
    if options.quick:
        values |= {**QUICK, "rows": QUICK_ROWS}
    for name in ("seeds", "people", "a_sizes"):
        text = getattr(options, name)
        if text is not None:
            values[name] = _numbers(text, f"--{name.replace('_', '-')}")
    if options.rows is not None:
        values["rows"] = tuple(key for key in options.rows.split(",") if key)
    values |= {name: given for name in ("twin", "device") if (given := getattr(options, name)) is not None}
    named = [text.partition("=") if "=" in text else ("ipgan", "=", text) for text in options.generator]
    values["generator_runs"] = {**values["generator_runs"], **{name: run for name, _, run in named}}
    if options.generator_steps:
        values["generator"] = {**values["generator"], "steps": options.generator_steps}
    if options.steps:
        values["recogniser"] = {**values["recogniser"], "steps": options.steps}
    if options.width:
        values["recogniser"] = {
            **values["recogniser"], "backbone": {**values["recogniser"].get("backbone", {}), "width": options.width}
        }  # fmt: skip
    return check_config(StudySettings, values, "the study")


def plan(settings: StudySettings, rows: list[Row], pool: Pool) -> str:
    """Return the rows and, seed by seed, who would be drawn and how many pictures they have; nothing is made.

    Pictures of people that are still to be rendered are not counted.

    Raises:
        PifrError: Where the study itself would end for want of people or pictures.
    """
    refuse_taught_people(settings, rows, pool)
    lines = [f"{row.key:<20} {row.title}" for row in rows]
    for seed in settings.seeds:
        drawn = draw_people(pool.trainable(), pool.testable(), settings.people, seed)
        counts = [f"{part} {len(names)} people" for part, names in drawn.items()]
        if settings.twin is not None:
            parts = split_people(pool.pictures(drawn), drawn, settings.train_lights, settings.test_lights)
            pictures = len(parts.teachers), len(parts.singles), len(parts.test)
            counts = [f"{who} with {many} pictures" for who, many in zip(counts, pictures, strict=True)]
            counts.append(f"{len(parts.frontal_singles())} pictures of B are frontal")
        lines.append(f"seed {seed}: " + "; ".join(counts))
    return "\n".join([*lines, "nothing was trained"])


def write_results(outcome: Outcome, rows: list[Row], settings: StudySettings, folder: Path) -> str:
    """Write JSON, table and plots; return the table."""
    environment = environment_record()
    record = {
        "created": environment["created"], "command": environment["command"], "git_commit": environment["git_commit"],
        "machine": {key: environment[key] for key in ("processor", "cpus", "gpus", "platform", "versions")},
    }  # fmt: skip
    found = summarise(outcome, rows, settings, record)
    write_json(folder / f"{NAME}.json", found)
    table = markdown(found)
    write_text(folder / f"{NAME}.md", table)
    if found["rows"]:
        draw_rank_against_yaw(found, folder / f"{NAME}.png")
    draw_gain_by_size(stored_gains(found), folder / f"{NAME}_by_size_of_A.png")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Run the study; return the exit status."""
    options = parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{row.key:<20} {row.title}" for row in all_rows()))
        return 0
    try:
        settings = settings_of(options)
        of_the_config = options.config is not None and options.rows is None
        said = f"{options.config}, key 'rows'" if of_the_config else "--rows"
        rows = choose_rows(settings.rows, settings.a_sizes, said)
        refuse_sizes(rows, settings.people[0])
        pool = open_pool(settings, options.out)
        if options.dry_run:
            print(plan(settings, rows, pool))
            return 0
        outcome = run_study(settings, rows, pool, options.out)
        print(write_results(outcome, rows, settings, options.results or options.out))
    except PifrError as error:
        print(error, file=sys.stderr)
        return 1
    except (Interrupted, KeyboardInterrupt):
        print(f"stopped; the same command goes on from what is done in {options.out}", file=sys.stderr)
        return INTERRUPTED
    return 0


def _numbers(text: str, option: str) -> tuple[int, ...]:
    try:
        return tuple(int(each) for each in text.split(",") if each)
    except ValueError as error:
        raise PifrError("whole numbers with commas between them are wanted", where=option, found=repr(text)) from error


if __name__ == "__main__":
    sys.exit(main())
