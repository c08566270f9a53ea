"""Tables of the documentation, each of one stored study or benchmark: what a comment in a page asks for."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.study.gaps import NEAR_YAWS
from benchmarks.study.london_steps import EER
from benchmarks.study.london_tables import figure_table, is_pooled
from benchmarks.study.rows import keys_of_size
from benchmarks.study.steps import RANK1
from benchmarks.study.tables import gap_text, markdown_table, statistic_text
from pifr.core.errors import DataError, near_names

Found = Mapping[str, Any]
OPTIONS = ("rows", "decimals", "gaps", "by", "far", "system", "out")
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
        rows = {self.labels.get(key, known[key]["title"]): known[key] for key in asked}
        if len(rows) < len(asked):
            raise DataError("two rows of a table have the same words", where=self.where, cure="name them apart")
        return rows

    def decimals(self, usual: int) -> int:
        """Return the places behind the point."""
        return int(self.options.get("decimals", usual))

    def gaps(self, rows: Mapping[str, Found], key: str) -> list[str]:
        """Return the gaps asked for that some row closes; ``key`` names a row's figure, ``{}`` in it the gap."""
        asked = self.options.get("gaps", ",".join(GAPS)).split(",")
        for name in asked:
            if name not in GAPS:
                raise DataError(f"no gap {name!r}", where=self.where, cure=near_names(name, GAPS))
        return [name for name in GAPS if name in asked and any(key.format(name) in row for row in rows.values())]


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
    gaps = header.gaps(rows, gap)
    head = [title, *(f"{yaw}°" for yaw in yaws), "45 to 90°", *(GAPS[name] for name in gaps)]
    body = [
        [label, *(_mean(row[rate].get(yaw), decimals) for yaw in yaws),
         statistic_text(row[f"{figure}_percent_45_to_90"], decimals),
         *(gap_text(row.get(gap.format(name)), decimals) for name in gaps)]
        for label, row in rows.items()
    ]  # fmt: skip
    return markdown_table(head, body)


def tar_of(found: Found, header: Header) -> str:
    """Return the name of TAR, at the one FAR that a study measures."""
    tails = "_percent_by_abs_yaw"
    keys = {key for row in found["rows"].values() for key in row if key.startswith("tar_at_far_")}
    names = {key.removesuffix(tails) for key in keys if key.endswith(tails)}
    if len(names) != 1:
        raise DataError(f"not one TAR in {header.file}.json", where=header.where, found=", ".join(sorted(names)))
    (name,) = names
    return name


def tar_title(name: str) -> str:
    """Return the name of TAR in words."""
    return f"TAR at FAR {name.removeprefix('tar_at_far_')}"


def with_tar(table: Callable[..., str], found: Found, header: Header, unit: str = "") -> str:
    """Return a table of TAR instead of rank-1."""
    name = tar_of(found, header)
    return table(found, header, name, tar_title(name) + unit)


def headline(found: Found, header: Header) -> str:
    """Return rank-1 at few yaws and the gap closed, rounded: what a first screen has room for."""
    rows, decimals = header.rows(found, lambda row: True), header.decimals(0)
    gaps = header.gaps(rows, "{}_gap_closed_percent")
    words = {name: "gap closed" if len(gaps) == 1 else f"{name} gap closed" for name in gaps}
    head = ["rank-1, percent", *(f"{yaw}°" for yaw in _HEADLINE_YAWS)]
    head += [f"{words[name]}, 45 to 90°, percent [95 %] ± over seeds" for name in gaps]
    body = [
        [label, *(_mean(row["rank1_percent_by_abs_yaw"].get(yaw), decimals) for yaw in _HEADLINE_YAWS),
         *(gap_text(row.get(f"{name}_gap_closed_percent"), decimals) for name in gaps)]
        for label, row in rows.items()
    ]  # fmt: skip
    return markdown_table(head, body)


def gap_table(found: Found, header: Header, name: str) -> str:
    """Return what of a gap is closed, by yaw and over 45 to 90 degrees."""
    by_yaw, whole = f"{name}_gap_closed_percent_by_abs_yaw", f"{name}_gap_closed_percent"
    rows, decimals = header.rows(found, lambda row: by_yaw in row), header.decimals(1)
    yaws = _yaws(row[by_yaw] for row in rows.values())
    body = [
        [label, *(gap_text(row[by_yaw].get(yaw), decimals, deviation=False) for yaw in yaws),
         gap_text(row[whole], decimals)]
        for label, row in rows.items()
    ]  # fmt: skip
    return markdown_table([GAPS[name], *(f"{yaw}°" for yaw in yaws), "45 to 90°"], body)


def change_table(found: Found, header: Header, figure: str, title: str) -> str:
    """Return the change of a rate at 0, at 15 and over both degrees against both baselines, in points."""
    span, by_yaw = f"{figure}_change_to_{{}}_at_0_and_15_points", f"{figure}_change_to_{{}}_points_by_abs_yaw"
    rows = header.rows(found, lambda row: any(span.format(base) in row for base in CHANGES))
    bases = [base for base in CHANGES if any(span.format(base) in row for row in rows.values())]
    head = [f"{title}, points"]
    body = [[label] for label in rows]
    for base in bases:
        head += [f"against {CHANGES[base]}: 0°", "15°", "both"]
        for line, row in zip(body, rows.values(), strict=True):
            each = [*(row.get(by_yaw.format(base), {}).get(yaw) for yaw in NEAR_YAWS), row.get(span.format(base))]
            line += [statistic_text(statistic, header.decimals(1), deviation=False) for statistic in each]
    return markdown_table(head, body)


def difference_table(found: Found, header: Header) -> str:
    """Return how far pairs of rows lie apart, in points; ``rows=`` takes pairs, ``b_ipgan-b_headmodel``."""
    known = {key.replace(" ", ""): key for key in found["differences"]}
    asked = header.options["rows"].split(",") if "rows" in header.options else list(known)
    tar = tar_of(found, header)
    head = ["difference, points", "rank-1, 45 to 90°", "rank-1, 0 and 15°", f"{tar_title(tar)}, 45 to 90°"]
    body = []
    for pair in asked:
        if pair not in known:
            cure = near_names(pair, known)
            raise DataError(f"no difference {pair!r} in {header.file}.json", where=header.where, cure=cure)
        row, other = (found["rows"][key]["title"] for key in known[pair].split(" - "))
        each = found["differences"][known[pair]]
        keys = (f"{RANK1}_45_to_90_points", f"{RANK1}_0_and_15_points", f"{tar}_45_to_90_points")
        body.append([f"{row} - {other}", *(statistic_text(each[key], header.decimals(1)) for key in keys)])
    return markdown_table(head, body)


def gain_table(found: Found, header: Header) -> str:
    """Return rank-1 over 45 to 90 degrees without and with views, and what these add, by the people of A."""
    decimals, rows = header.decimals(1), found["rows"]
    body = []
    for size, gain in found["rank1_gain_by_people_of_A_points"].items():
        pair = keys_of_size(int(size), found["settings"]["people"][0])
        rates = (statistic_text(rows[key][f"{RANK1}_percent_45_to_90"], decimals) for key in pair)
        body.append([size, *rates, statistic_text(gain, decimals)])
    return markdown_table(["people of A", "without views", "with views by ipgan", "gained, points"], body)


def london_table(found: Found, header: Header, figure: str) -> str:
    """Return a figure of the London splits by yaw, its change to frontal pictures alone, and what is closed."""
    return figure_table(header.rows(found, lambda row: True), figure, header.decimals(1), is_pooled(found))


def groups_table(found: Found, header: Header) -> str:
    """Return rank-1, EER and TAR for the groups of columns; at ``far=``, else at the smallest that all groups have."""
    system = _system(found, header)
    columns = [column for column in header.options.get("by", "").split(",") if column]
    for column in columns or [""]:
        if column not in system["by_column"]:
            cure = near_names(column, system["by_column"])
            raise DataError(f"{header.file}.json has no groups by {column!r}", where=header.where, cure=cure)
    groups = [(column, name, each) for column in columns for name, each in system["by_column"][column].items()]
    fars = set.intersection(
        *({tar["far"] for tar in each["tar_at_far"] if tar["tar_percent"] is not None} for *_, each in groups)
    )
    far = float(header.options["far"]) if "far" in header.options else min(fars, default=None)
    if far is not None and far not in fars:
        raise DataError(f"not all groups have TAR at FAR {far:g} in {header.file}.json", where=header.where)
    head = ["group", "people", "probes", "rank-1, percent", "EER, percent"]
    head += [] if far is None else [f"TAR at FAR {far:g}, percent"]
    body = []
    for column, name, each in groups:
        cells = [f"{column}: {header.labels.get(name, name)}", f"{each['people']:,}", f"{each['probes']:,}"]
        cells += [_with_ends(each[f"{figure}_percent"], each[f"{figure}_interval"]) for figure in ("rank1", "eer")]
        cells += [_with_ends(tar["tar_percent"], tar["interval"]) for tar in each["tar_at_far"] if tar["far"] == far]
        body.append(cells)
    return markdown_table(head, body)


def spread_table(found: Found, header: Header) -> str:
    """Return how far the groups of columns lie apart in rank-1 and EER."""
    system = _system(found, header)
    columns = header.options.get("by", ",".join(system["by_column"])).split(",")
    body = [
        [each["column"], each["figure"], f"{each['best_group']} {each['best_percent']:.1f}",
         f"{each['worst_group']} {each['worst_percent']:.1f}",
         _with_ends(each["difference_points"], each["difference_interval"])]
        for each in system["spread_between_groups"] if each["column"] in columns and each["figure"] in ("rank-1", "EER")
    ]  # fmt: skip
    return markdown_table(["by", "figure, percent", "best", "worst", "apart, points"], body)


def threshold_table(found: Found, header: Header) -> str:
    """Return error rates of groups at one threshold, as benchmarks/shared_threshold.py stores them."""
    columns = header.options.get("by", ",".join(found["by_column"])).split(",")
    kinds = {"fnmr": "FNMR, percent", "fmr": "FMR, percent", "fmr_within_group": "FMR within the group, percent"}
    body = []
    for column in columns:
        for name, rates in found["by_column"][column].items():
            # A group of one person has no pairs within it: null, an empty cell.
            cells = [
                _with_ends(rate["percent"], rate["interval"], 1 + 2 * (kind != "fnmr")) if (rate := rates[kind]) else ""
                for kind in kinds
            ]
            body.append([f"{column}: {name}", f"{rates['people']:,}", *cells])
    return markdown_table(["group", "people", *kinds.values()], body)


TABLES: dict[str, Callable[[Found, Header], str]] = {
    "headline": headline,
    "rank1": lambda found, header: rates_table(found, header, "rank1", "rank-1, percent"),
    "tar": lambda found, header: with_tar(rates_table, found, header, ", percent"),
    "paper_gap": lambda found, header: gap_table(found, header, "paper"),
    "fair_gap": lambda found, header: gap_table(found, header, "fair"),
    "change": lambda found, header: change_table(found, header, RANK1, "rank-1"),
    "change_tar": lambda found, header: with_tar(change_table, found, header),
    "difference": difference_table,
    "gain": gain_table,
    "london_rank1": lambda found, header: london_table(found, header, RANK1),
    "london_eer": lambda found, header: london_table(found, header, EER),
    "groups": groups_table,
    "spread": spread_table,
    "threshold": threshold_table,
}


def _yaws(tables: Iterable[Found]) -> list[str]:
    return sorted({yaw for table in tables for yaw in table}, key=float)


def _system(found: Found, header: Header) -> Found:
    systems = {system["name"]: system for system in found["systems"]}
    name = header.options.get("system", next(iter(systems)))
    if name not in systems:
        raise DataError(f"no system {name!r} in {header.file}.json", where=header.where, cure=near_names(name, systems))
    return systems[name]


def _with_ends(value: float, interval: Sequence[float] | None, decimals: int = 1) -> str:
    ends = "" if interval is None else f" [{interval[0]:.{decimals}f}, {interval[1]:.{decimals}f}]"
    return f"{value:.{decimals}f}{ends}"


def _mean(statistic: Found | None, decimals: int) -> str:
    return "" if statistic is None or statistic["mean"] is None else f"{statistic['mean']:.{decimals}f}"
