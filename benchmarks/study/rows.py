"""The rows of the study: what each recogniser learns from, and what stands between it and the probe.

Everything else is the same in all of them: network, loss, steps, batches, changes of pictures, and the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pifr.core.errors import ConfigError, near_names

GENERATORS = ("ipgan", "drgan", "crgan")
VIEW_METHODS = (*GENERATORS, "headmodel")
A_SIZES = (25, 50, 100, 200)


@dataclass(frozen=True)
class Row:
    """One recogniser.

    Attributes:
        key: Short name, a file name.
        title: As tables show it.
        teachers: Whether it learns from A's multi-view pictures.
        true_views: Whether it learns from B's true views instead of B's frontal pictures.
        flips: Whether mirror images are among the random changes.
        views: Method whose views of B it learns from; None for none.
        dream: Whether its backbone has a DREAM block.
        frontalised: Generator that turns probes to the front; None for none.
        fused: Whether the probe's own embedding is added to that of its frontal view.
        on_the_fly: Whether the views are made inside the training step instead of before.
        a_people: People of A that there are; None for all.
        recogniser_of: The row that trains its recogniser, where the two differ in the test alone; None for itself.
    """

    key: str
    title: str
    teachers: bool = False
    true_views: bool = False
    flips: bool = True
    views: str | None = None
    dream: bool = False
    frontalised: str | None = None
    fused: bool = False
    on_the_fly: bool = False
    a_people: int | None = None
    recogniser_of: str | None = None

    @property
    def generator(self) -> str | None:
        """The generator it needs trained; None for none."""
        chosen = self.views or self.frontalised
        return chosen if chosen in GENERATORS else None

    @property
    def trained_as(self) -> str:
        """Name of its recogniser."""
        return self.recogniser_of or self.key

    @property
    def recogniser(self) -> tuple[object, ...]:
        """What its recogniser is trained on."""
        return (self.teachers, self.true_views, self.flips, self.views, self.dream, self.on_the_fly, self.a_people)


B, AB, B_TRUE, ORACLE = "b", "ab", "b_true", "ab_true"
TURNED = (B, AB, B_TRUE, ORACLE, "b_ipgan", "ab_ipgan")
"""Rows whose recogniser is also given probes turned to the front."""


def with_turned_probes(row: Row, fused: bool) -> Row:
    """Return the row that turns the probes of this one's recogniser to the front; it trains nothing.

    Args:
        row: The row without.
        fused: Whether the probe's own embedding is added.
    """
    key, title = ("fused", "probes as they are and frontalised") if fused else ("frontalised", "probes frontalised")
    return replace(
        row, key=f"{row.key}_{key}", title=f"{row.title}, {title} by ipgan", frontalised="ipgan", fused=fused,
        recogniser_of=row.key,
    )  # fmt: skip


def all_rows(sizes: Sequence[int] = A_SIZES) -> list[Row]:
    """Return every row of the study.

    Args:
        sizes: People of A for the rows on its size.
    """
    rows = [
        Row("b_plain", "B frontal, no flips", flips=False),
        Row(B, "B frontal"),
        Row("ab_plain", "A + B frontal, no flips", teachers=True, flips=False),
        Row(AB, "A + B frontal", teachers=True),
        Row(B_TRUE, "B true views", true_views=True),
        Row(ORACLE, "A + B true views (oracle)", teachers=True, true_views=True),
    ]
    rows += [Row(f"b_{name}", f"B + views by {name}", views=name) for name in VIEW_METHODS]
    rows += [Row(f"ab_{name}", f"A + B + views by {name}", teachers=True, views=name) for name in VIEW_METHODS]
    rows += [
        Row("ab_ipgan_dream", "A + B + views by ipgan, DREAM", teachers=True, views="ipgan", dream=True),
        Row("ab_ipgan_fly", "A + B + views by ipgan on the fly", teachers=True, views="ipgan", on_the_fly=True),
    ]
    rows += [with_turned_probes(row, fused) for row in rows if row.key in TURNED for fused in (False, True)]
    for size in sizes:
        rows.append(Row(f"a{size}_b", f"A of {size} + B frontal", teachers=True, a_people=size))
        rows.append(
            Row(f"a{size}_b_ipgan", f"A of {size} + B + views by ipgan", teachers=True, views="ipgan", a_people=size)
        )
    return rows


def keys_of_size(size: int, people_of_a: int) -> tuple[str, str]:
    """Return the keys of the two rows, without and with views by ipgan, that know this many people of A.

    Args:
        size: People of A; with none of them the rows learn from B alone.
        people_of_a: People of the whole A.
    """
    known = {0: B, people_of_a: AB}.get(size, f"a{size}_b")
    return known, f"{known}_ipgan"


COMPARED = (
    *(("b_ipgan", other) for other in (B, "b_headmodel", "b_drgan", "b_crgan", B_TRUE)),
    *(("ab_ipgan", other) for other in (AB, "ab_headmodel", "ab_drgan", "ab_crgan", ORACLE)),
    ("ab_ipgan_dream", "ab_ipgan"), ("ab_ipgan_fly", "ab_ipgan"),
    ("b_frontalised", B), ("b_frontalised", "b_ipgan"),
    ("ab_frontalised", AB), ("ab_frontalised", "ab_ipgan"), ("ab_frontalised", ORACLE),
    ("b_ipgan_frontalised", "b_ipgan"), ("b_ipgan_frontalised", "b_frontalised"),
    ("b_ipgan_frontalised", "b_true_frontalised"),
    ("ab_ipgan_frontalised", "ab_ipgan"), ("ab_ipgan_frontalised", "ab_frontalised"),
    ("ab_ipgan_frontalised", "ab_true_frontalised"),
    ("b_fused", "b_frontalised"), ("ab_fused", "ab_frontalised"),
    ("b_ipgan_fused", "b_ipgan_frontalised"), ("ab_ipgan_fused", "ab_ipgan_frontalised"),
    ("b_ipgan_fused", "b_ipgan"), ("b_ipgan_fused", B_TRUE), ("ab_ipgan_fused", "ab_ipgan"), ("ab_ipgan_fused", ORACLE),
    ("ab_ipgan", "b_ipgan"), (ORACLE, B_TRUE),
    (B, "b_plain"), (AB, "ab_plain"),
)  # fmt: skip
"""Pairs of rows whose difference is reported: IP-GAN against what it has to beat, and one change at a time."""


QUICK = (B, AB, B_TRUE, ORACLE, "b_ipgan", "ab_ipgan", "ab_headmodel", "ab_frontalised")
"""The rows of ``--quick``: both gaps, both ends of each, and three ways to close them."""


def choose_rows(keys: Sequence[str], sizes: Sequence[int] = A_SIZES, where: str = "--rows") -> list[Row]:
    """Return the rows called ``keys``, in the study's order; all of them where none is named.

    Args:
        keys: Names of rows.
        sizes: People of A for the rows on its size.
        where: Where the keys were given, for the message.

    Raises:
        ConfigError: If there is no such row.
    """
    rows = all_rows(sizes)
    known = [row.key for row in rows]
    for key in keys:
        if key not in known:
            raise ConfigError(f"no row {key!r}", where=where, cure=near_names(key, known))
    return [row for row in rows if not keys or row.key in keys]


def refuse_sizes(rows: Sequence[Row], people_of_a: int) -> None:
    """Refuse rows on a size of A that A does not have, before anything is drawn or trained.

    Raises:
        ConfigError: If there is one.
    """
    for row in rows:
        if row.a_people is not None and not 0 < row.a_people < people_of_a:
            raise ConfigError(
                f"row {row.key!r} wants fewer people of A than all {people_of_a} and at least 1", where="a_sizes",
                found=row.a_people, cure="change a_sizes (--a-sizes) or people (--people)",
            )  # fmt: skip
