"""The open set: people search a gallery who are not in it, and must get no answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.evaluation.figures import SystemScores, percent
from pifr.evaluation.search import Search
from pifr.metrics import Interval, bootstrap_rate
from pifr.metrics.bootstrap import percentile_interval

FPIRS = (0.1, 0.01, 0.001)


@dataclass(frozen=True)
class OpenSetRate:
    """How many searches are answered rightly while few strangers get an answer.

    Attributes:
        fpir: Allowed false positive identification rate: share of strangers who get an answer at all.
        rate: Detection and identification rate, 1 - FNIR at rank 1: share of enrolled probes whose person comes first
            and above the threshold. The mean over galleries; NaN where a gallery has too few strangers to say.
        interval: Of a bootstrap over people with the thresholds held fixed; None where there is no rate.
    """

    fpir: float
    rate: float
    interval: Interval | None

    def __str__(self) -> str:
        if math.isnan(self.rate):
            return (
                f"too few strangers: FPIR {self.fpir:g} needs at least {math.ceil(1 / self.fpir):,} of their searches"
            )
        return f"DIR {100 * self.rate:.2f} % at FPIR {self.fpir:g}"


@dataclass(frozen=True)
class OpenSet:
    """Figures of an open-set search.

    Attributes:
        galleries: Name of a gallery -> (enrolled people, probes of them, probes of strangers).
        rates: One entry a false positive identification rate.
    """

    galleries: dict[str, tuple[int, int, int]]
    rates: list[OpenSetRate]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, rates in percent; the unknown is null."""
        return {
            "galleries": {
                name: {"people": people, "probes_of_enrolled": mated, "probes_of_strangers": strangers}
                for name, (people, mated, strangers) in self.galleries.items()
            },
            "rates": [
                {
                    "fpir": each.fpir,
                    "dir_percent": percent(each.rate),
                    "fnir_percent": percent(1 - each.rate),
                    "interval": None if each.interval is None else each.interval.percent(),
                }
                for each in self.rates
            ],
        }  # fmt: skip


def open_set(prepared: SystemScores, fpirs: tuple[float, ...] = FPIRS) -> OpenSet | None:
    """Measure an open-set search; None where there is no search, or no probe is a stranger anywhere.

    FPIR and FNIR as in ISO/IEC 19795-1: a stranger's search counts as a false positive where its best score reaches
    the threshold. Where there are several galleries, each has strangers and a threshold of its own, and the rate is
    their mean, as IJB-B and IJB-C prescribe.
    """
    if prepared.search is None:
        return None
    searches = list(prepared.search.galleries())
    mated = [np.isin(each.probe_person, each.reference_person) for _, each in searches]
    if any(here.all() or not here.any() for here in mated):
        return None
    counts = {
        name: (len(np.unique(each.reference_person)), int(here.sum()), int((~here).sum()))
        for (name, each), here in zip(searches, mated, strict=True)
    }
    rates = [_rate(prepared, [each for _, each in searches], mated, fpir) for fpir in fpirs]
    return OpenSet(counts, rates)


def _rate(prepared: SystemScores, searches: list[Search], mated: list[np.ndarray], fpir: float) -> OpenSetRate:
    hits = [_accepted(search, here, fpir) for search, here in zip(searches, mated, strict=True)]
    if any(each is None for each in hits):
        return OpenSetRate(fpir, math.nan, None)
    known = [each for each in hits if each is not None]
    rate = float(np.mean([each.mean() for each in known]))
    people = [search.probe_person[here] for search, here in zip(searches, mated, strict=True)]
    intervals = [bootstrap_rate(each, who, prepared.weights) for each, who in zip(known, people, strict=True)]
    if len(intervals) == 1:
        return OpenSetRate(fpir, rate, intervals[0])
    rounds = np.mean([each.rounds for each in intervals], axis=0)
    return OpenSetRate(fpir, rate, percentile_interval(rounds, rate, len(np.unique(np.concatenate(people)))))


def _accepted(search: Search, mated: np.ndarray, fpir: float) -> np.ndarray | None:
    """Return which enrolled probes are found first and above the threshold; None where strangers are too few."""
    strangers = np.sort(search.scores[~mated].max(axis=1))
    allowed = math.floor(fpir * len(strangers) + 1e-9)
    if allowed < 1:
        return None
    refused = strangers[len(strangers) - allowed - 1] if allowed < len(strangers) else -np.inf
    own = search.reference_person == search.probe_person[mated][:, None]
    best = np.where(own, search.scores[mated], -np.inf).max(axis=1)
    return (best > refused) & (search.ranks()[mated] <= 1)
