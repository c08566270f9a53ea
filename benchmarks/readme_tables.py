"""Tables and figures of README.md and docs/ from the committed JSON files, so that prose and JSON can't drift apart.

    python benchmarks/readme_tables.py            # rewrite every table, draw every figure: make figures
    python benchmarks/readme_tables.py --check    # exit 1 where a table differs from its JSON

A table stands between two comments, the first of which says all about it; a figure stands below one:

    <!-- table: pose_gap_mini rank1 rows=b,b_ipgan b="frontal only" -->
    <!-- /table -->
    <!-- figure: pose_gap_mini rank1 out=pose_gap_mini rows=b,b_ipgan b="frontal only" -->

FILE is docs/results/FILE.json. ``rows=`` chooses and orders rows (all that have a figure where absent), KEY="words"
renames one, ``decimals=`` rounds. Kinds of a study by benchmarks/pose_gap.py: headline, rank1, tar (by yaw, with both
gaps), paper_gap, fair_gap (by yaw), change (at 0 and 15 degrees); figures: rank1, size_of_a. Of what 'pifr benchmark
--json' wrote: groups, with ``by=COLUMN``.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.study.tables import draw_gain_by_size, draw_rank_against_yaw, statistic_text, stored_gains
from pifr.core.errors import DataError, PifrError, near_names
from pifr.core.files import read_json, write_text

Found = Mapping[str, Any]
TABLE = re.compile(r"(<!-- table: (.+?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
FIGURE = re.compile(r"<!-- figure: (.+?) -->")
OPTIONS = ("rows", "decimals", "by", "system", "out")
GAPS = {"paper": "paper gap closed, percent", "fair": "fair gap closed, percent"}
CHANGES = {"b_frontal": "B frontal", "ab_frontal": "A + B frontal"}
_HEADLINE_YAWS = ("0", "45", "60", "75", "90")


@dataclass(frozen=True)
class Header:
    """What a comment asks for.

    Attributes:
        file: Name of the JSON, without folder and ending.
        kind: Kind of table or figure.
        options: Those of :data:`OPTIONS` that are given.
        labels: Row -> its words.
        where: The page, for messages.
    """

    file: str
    kind: str
    options: dict[str, str]
    labels: dict[str, str]
    where: str

    def rows(self, found: Found, has: Callable[[Found], bool]) -> dict[str, Found]:
        """Return label -> row, in the order asked for; without ``rows=`` all rows that have the figure."""
        known = found["rows"]
        asked = self.options["rows"].split(",") if "rows" in self.options else [key for key in known if has(known[key])]
        for key in (*asked, *self.labels):
            if key not in known:
                raise DataError(f"no row {key!r} in {self.file}.json", where=self.where, cure=near_names(key, known))
        return {self.labels.get(key, known[key]["title"]): known[key] for key in asked}

    def decimals(self, usual: int) -> int:
        """Return the places behind the point."""
        return int(self.options.get("decimals", usual))


def read_header(text: str, where: str) -> Header:
    """Read ``FILE KIND option=value row="words"``.

    Raises:
        DataError: If a word is neither.
    """
    first, *words = shlex.split(text)
    if not words or any("=" not in word for word in words[1:]):
        raise DataError("a table wants FILE KIND and then name=value", where=where, found=repr(text))
    pairs = dict(word.split("=", 1) for word in words[1:])
    options = {name: value for name, value in pairs.items() if name in OPTIONS}
    labels = {name: value for name, value in pairs.items() if name not in OPTIONS}
    return Header(first, words[0], options, labels, where)


def rates_table(found: Found, header: Header, figure: str, title: str) -> str:
    """Return a rate by yaw, its mean over 45 to 90 degrees, and what of the gaps is closed."""
    rows, decimals = header.rows(found, lambda row: True), header.decimals(1)
    suffix = "" if figure == "rank1" else f"_{figure}"
    rate, gap = f"{figure}_percent_by_abs_yaw", "{}_gap_closed_percent" + suffix
    yaws = _yaws(row[rate] for row in rows.values())
    gaps = [name for name in GAPS if any(gap.format(name) in row for row in rows.values())]
    head = [title, *(f"{yaw}°" for yaw in yaws), "45 to 90°", *(GAPS[name] for name in gaps)]
    body = [
        [label, *(_mean(row[rate].get(yaw), decimals) for yaw in yaws),
         statistic_text(row[f"{figure}_percent_45_to_90"], decimals),
         *(_share(row.get(gap.format(name)), decimals) for name in gaps)]
        for label, row in rows.items()
    ]  # fmt: skip
    return _markdown(head, body)


def tar_table(found: Found, header: Header) -> str:
    """Return the same of TAR, at the one FAR that a study measures."""
    names = {key.partition("_percent")[0] for row in found["rows"].values() for key in row if key.startswith("tar_at")}
    if len(names) != 1:
        raise DataError(f"not one TAR in {header.file}.json", where=header.where, found=", ".join(sorted(names)))
    (name,) = names
    return rates_table(found, header, name, f"TAR at FAR {name.removeprefix('tar_at_far_')}, percent")


def headline(found: Found, header: Header) -> str:
    """Return rank-1 at few yaws and the gap closed, rounded: what a first screen has room for."""
    rows, decimals = header.rows(found, lambda row: True), header.decimals(0)
    gaps = [name for name in GAPS if any(f"{name}_gap_closed_percent" in row for row in rows.values())]
    words = {name: "gap closed" if len(gaps) == 1 else f"{name} gap closed" for name in gaps}
    head = ["rank-1, percent", *(f"{yaw}°" for yaw in _HEADLINE_YAWS)]
    head += [f"{words[name]}, 45 to 90°, percent [95 %]" for name in gaps]
    body = [
        [label, *(_mean(row["rank1_percent_by_abs_yaw"].get(yaw), decimals) for yaw in _HEADLINE_YAWS),
         *(_share(row.get(f"{name}_gap_closed_percent"), decimals, deviation=False) for name in gaps)]
        for label, row in rows.items()
    ]  # fmt: skip
    return _markdown(head, body)


def gap_table(found: Found, header: Header, name: str) -> str:
    """Return what of a gap is closed, by yaw and over 45 to 90 degrees."""
    by_yaw, whole = f"{name}_gap_closed_percent_by_abs_yaw", f"{name}_gap_closed_percent"
    rows, decimals = header.rows(found, lambda row: by_yaw in row), header.decimals(1)
    yaws = _yaws(row[by_yaw] for row in rows.values())
    body = [
        [label, *(_share(row[by_yaw].get(yaw), decimals, deviation=False) for yaw in yaws),
         _share(row[whole], decimals)]
        for label, row in rows.items()
    ]  # fmt: skip
    return _markdown([GAPS[name], *(f"{yaw}°" for yaw in yaws), "45 to 90°"], body)


def change_table(found: Found, header: Header) -> str:
    """Return the change of rank-1 at 0 and 15 degrees against both baselines, in points."""
    key = "rank1_change_to_{}_at_0_and_15_points"
    rows = header.rows(found, lambda row: any(key.format(base) in row for base in CHANGES))
    bases = [base for base in CHANGES if any(key.format(base) in row for row in rows.values())]
    head = ["rank-1 at 0 and 15°, points", *(f"against {CHANGES[base]}" for base in bases)]
    body = [
        [label, *(statistic_text(row.get(key.format(base)), header.decimals(1)) for base in bases)]
        for label, row in rows.items()
    ]  # fmt: skip
    return _markdown(head, body)


TABLES: dict[str, Callable[[Found, Header], str]] = {
    "headline": headline,
    "rank1": lambda found, header: rates_table(found, header, "rank1", "rank-1, percent"),
    "tar": tar_table,
    "paper_gap": lambda found, header: gap_table(found, header, "paper"),
    "fair_gap": lambda found, header: gap_table(found, header, "fair"),
    "change": change_table,
}


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Rewrite, draw or check; return the exit status."""
    asked = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    asked.add_argument("--check", action="store_true", help="write nothing; exit 1 where a table differs")
    asked.add_argument("--root", type=Path, default=ROOT, help="folder of README.md and docs/")
    options = asked.parse_args(arguments)
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


def _yaws(tables: Iterable[Found]) -> list[str]:
    return sorted({yaw for table in tables for yaw in table}, key=float)


def _mean(statistic: Found | None, decimals: int) -> str:
    return "" if statistic is None or statistic["mean"] is None else f"{statistic['mean']:.{decimals}f}"


def _share(statistic: Found | None, decimals: int, deviation: bool = True) -> str:
    """Return a share of a gap; one without an interval is a share of noise and is not shown."""
    if statistic is not None and statistic["interval"] is None:
        return "no clear gap"
    return statistic_text(statistic, decimals, deviation)


def _markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
