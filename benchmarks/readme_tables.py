"""Tables and figures of README.md and docs/ from the committed JSON files, so that prose and JSON can't drift apart.

    python benchmarks/readme_tables.py            # rewrite every table, draw every figure: make figures
    python benchmarks/readme_tables.py --check    # exit 1 where a table differs from its JSON

A table stands between two comments, the first of which says all about it; a figure stands below one:

    <!-- table: pose_gap_mini rank1 rows=b,b_ipgan b="frontal only" -->
    <!-- /table -->
    <!-- figure: pose_gap_mini rank1 out=pose_gap_mini rows=b,b_ipgan b="frontal only" -->

FILE is docs/results/FILE.json. ``rows=`` chooses and orders rows (all that have a figure where absent), KEY="words"
renames one, ``decimals=`` rounds, ``gaps=paper`` or ``gaps=fair`` shows one gap of the two. Kinds of a study by
benchmarks/pose_gap.py: headline, rank1, tar (by yaw, with both gaps), paper_gap, fair_gap (by yaw), change,
change_tar (at 0 and 15 degrees), difference (of pairs of rows), gain (by people of A); figures: rank1, size_of_a. Of
benchmarks/london_splits.py: london_rank1, london_eer. Of what 'pifr benchmark --json' wrote: groups (at ``far=``),
spread, with ``by=COLUMN,COLUMN`` and ``system=NAME``. Of what benchmarks/shared_threshold.py wrote: threshold.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.study.page_tables import TABLES, read_header
from benchmarks.study.tables import draw_gain_by_size, draw_rank_against_yaw, stored_gains
from pifr.core.errors import DataError, PifrError, near_names
from pifr.core.files import read_json, write_text

TABLE = re.compile(r"(<!-- table: (.+?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
FIGURE = re.compile(r"<!-- figure: (.+?) -->")


def rewritten(page: Path, results: Path) -> str:
    """Return a page's text with every table as its JSON has it.

    Raises:
        DataError: If a comment asks for what there is not, or is not closed.
    """

    def table(block: re.Match[str]) -> str:
        if "<!-- table:" in block[3]:
            raise DataError("a table without <!-- /table -->", where=page, found=block[2])
        header = read_header(block[2], str(page))
        if header.kind not in TABLES:
            raise DataError(f"no table {header.kind!r}", where=page, cure=near_names(header.kind, TABLES))
        return block[1] + TABLES[header.kind](read_json(results / f"{header.file}.json"), header) + block[4]

    text = page.read_text(encoding="utf-8")
    if text.count("<!-- table:") != text.count("<!-- /table -->"):
        raise DataError("tables and their ends differ in number", where=page)
    return TABLE.sub(table, text)


def draw(page: Path, results: Path) -> list[Path]:
    """Draw a page's figures into ``results``; return the files."""
    made: list[Path] = []
    for text in FIGURE.findall(page.read_text(encoding="utf-8")):
        header = read_header(text, str(page))
        found = read_json(results / f"{header.file}.json")
        path = results / f"{header.options.get('out', header.file)}.png"
        if header.kind == "size_of_a":
            made += draw_gain_by_size(stored_gains(found), path)
        elif header.kind == "rank1":
            rows = header.rows(found, lambda row: True)
            made += draw_rank_against_yaw({"rows": {key: {**row, "title": key} for key, row in rows.items()}}, path)
        else:
            raise DataError(f"no figure {header.kind!r}", where=page, cure="rank1 or size_of_a")
    return made


def pages_of(root: Path) -> list[Path]:
    """Return README.md and all pages of docs/."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table differs")
    made.add_argument(
        "--root", type=Path, default=Path(__file__).resolve().parents[1], help="folder of README.md and docs/"
    )
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite, draw or check; return the exit status."""
    options = parser().parse_args(arguments)
    results = options.root / "docs" / "results"
    stale: list[Path] = []
    drawn: list[Path] = []
    try:
        for page in pages_of(options.root):
            text = rewritten(page, results)
            if text != page.read_text(encoding="utf-8"):
                stale.append(page)
                if not options.check:
                    write_text(page, text)
            if not options.check:
                drawn += draw(page, results)
    except PifrError as error:
        print(error, file=sys.stderr)
        return 1
    for path in drawn:
        print(f"{path}: drawn")
    for page in stale:
        print(f"{page}: {'a table differs from its JSON; run: make figures' if options.check else 'written'}")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
