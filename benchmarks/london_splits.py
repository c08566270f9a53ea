"""Real faces: how much of the pose gap do generated views win back on the London set?

    python benchmarks/london_splits.py --twin twin/people.parquet --out runs/london-splits --results docs/results

Ten random splits of 72 people, 44 to learn from, 20 to test. The recognisers of a split differ in their pictures alone:
frontal ones; and views of these by the twin's generator, by one of the 44 people's, by the twin's trained on with the
44, by the twin's adapted to the 44 without labels; or the true views. A step that is done in --out and whose inputs are
unchanged is kept, so an interrupted study is gone on with by the same command.

Writes london_splits.json and london_splits.md into --results (by default --out), whole, after every split.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.study.london import Outcome, run_splits
from benchmarks.study.london_settings import SYSTEMS, LondonSettings, System, choose_systems
from benchmarks.study.london_tables import markdown, summarise
from pifr.core.config import check_config
from pifr.core.environment import environment_record
from pifr.core.errors import PifrError
from pifr.core.files import write_json, write_text
from pifr.core.interrupt import Interrupted

NAME = "london_splits"
INTERRUPTED = 130
"""Exit status after Ctrl-C, as of the toolkit's own commands."""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, default=Path("runs/london-splits"), help="folder of everything that is made")
    made.add_argument("--results", type=Path, help="folder of the tables; --out where absent")
    made.add_argument("--london", help="index.csv of the London set")
    made.add_argument("--twin", help="manifest of rendered people at 64 px, for both and adapted")
    made.add_argument("--start", help="the twin's generator; twin-64 where absent")
    made.add_argument("--splits", help="seeds of the splits, with commas; ten where absent")
    made.add_argument(
        "--systems", default="", help=f"with commas: {','.join(each.key for each in SYSTEMS)}; all if none"
    )
    made.add_argument("--twin-people", type=int, help="rendered people beside the unlabelled pictures")
    made.add_argument("--recogniser-steps", type=int, help="training steps of every recogniser")
    made.add_argument("--generator-steps", type=int, help="steps by which the twin's generator is trained on")
    made.add_argument("--own-steps", type=int, help="training steps of the generator of the 44 people")
    made.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    return made


def settings_of(options: argparse.Namespace) -> LondonSettings:
    """Return the settings that a command line asks for."""
    values = {key: each for key in LondonSettings.model_fields if (each := getattr(options, key, None)) is not None}
    if options.splits is not None:
        try:
            values["splits"] = tuple(int(each) for each in options.splits.split(",") if each)
        except ValueError as error:
            raise PifrError(
                "whole numbers with commas between them are wanted", where="--splits", found=repr(options.splits)
            ) from error
    return check_config(LondonSettings, values, "the study")


def write_results(outcome: Outcome, systems: Sequence[System], settings: LondonSettings, folder: Path) -> str:
    """Write JSON and table; return the table."""
    environment = environment_record()
    record = {
        "created": environment["created"], "command": environment["command"], "git_commit": environment["git_commit"],
        "machine": {key: environment[key] for key in ("processor", "cpus", "gpus", "platform", "versions")},
    }  # fmt: skip
    found = summarise(outcome, systems, settings, record)
    write_json(folder / f"{NAME}.json", found)
    table = markdown(found)
    write_text(folder / f"{NAME}.md", table)
    return table


def main(arguments: list[str] | None = None) -> int:
    """Run the study; return the exit status."""
    options = parser().parse_args(arguments)
    try:
        settings = settings_of(options)
        systems = choose_systems([each for each in options.systems.split(",") if each])
        for outcome in run_splits(settings, systems, options.out):
            print(write_results(outcome, systems, settings, options.results or options.out))
    except PifrError as error:
        print(error, file=sys.stderr)
        return 1
    except (Interrupted, KeyboardInterrupt):
        print(f"stopped; the same command goes on from what is done in {options.out}", file=sys.stderr)
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
