"""Results of London splits that ran in several places, as one table.

    python benchmarks/london_pool.py docs/results/FIRST.json docs/results/SECOND.json --out docs/results/BOTH.json

Each file is what benchmarks/london_splits.py wrote; they hold different splits, trained alike. Prints the table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.study.london_pool import pool
from benchmarks.study.london_tables import markdown
from pifr.core.errors import PifrError
from pifr.core.files import read_json, write_json


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("files", type=Path, nargs="+", help="JSON files of benchmarks/london_splits.py")
    made.add_argument("--other-digests", action="store_true", help="go on although digests of the pictures differ")
    made.add_argument("--out", type=Path, required=True, help="JSON file of all splits together")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Pool, write and print; return the exit status."""
    options = parser().parse_args(arguments)
    try:
        pooled = pool([(path.as_posix(), read_json(path)) for path in options.files], options.other_digests)
        write_json(options.out, pooled)
    except PifrError as error:
        print(error, file=sys.stderr)
        return 1
    print(markdown(pooled))
    return 0


if __name__ == "__main__":
    sys.exit(main())
