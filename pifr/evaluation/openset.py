"""The open set: people search a gallery who are not in it, and must get no answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from pifr.evaluation.figures import percent
from pifr.evaluation.search import Search
from pifr.metrics import Interval, bootstrap_rate, detection_identification_rate, dir_text
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
        return dir_text(self.fpir, self.rate)


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


class Searched(Protocol):
    """One system's searches and the weights of its bootstrap, from a table or from a stream."""

    @property
    def search(self) -> Search | None:
        """The searches; None where the protocol lists pairs."""
        ...

    @property
    def weights(self) -> np.ndarray:
        """Weights of the bootstrap ``(R, people)``."""
        ...


def open_set(prepared: Searched, fpirs: tuple[float, ...] = FPIRS) -> OpenSet | None:
    """Measure an open-set search; None where there is no search, or no probe is a stranger anywhere.

    FPIR and FNIR as in ISO/IEC 19795-1: a stranger's search counts as a false positive where its best score reaches
    the threshold. Where there are several galleries, each has strangers and a threshold of its own, and the rate is
    their mean, as IJB-B and IJB-C prescribe.
    """
    if prepared.search is None:
        return None
    galleries, person = prepared.search.galleries, prepared.search.probe_person
    mated = [np.isin(person, each.people) for each in galleries]
    if any(here.all() or not here.any() for here in mated):
        return None
    counts = {
        each.name: (len(each.people), int(here.sum()), int((~here).sum()))
        for each, here in zip(galleries, mated, strict=True)
    }
    return OpenSet(counts, [_rate(prepared.search, prepared.weights, mated, fpir) for fpir in fpirs])


def _rate(search: Search, weights: np.ndarray, mated: list[np.ndarray], fpir: float) -> OpenSetRate:
    found = [
        detection_identification_rate(
            each.answers.own[here], each.answers.ranks[here], each.answers.best[~here], [fpir]
        )[0]
        for each, here in zip(search.galleries, mated, strict=True)
    ]  # fmt: skip
    if any(each.too_few for each in found):
        return OpenSetRate(fpir, math.nan, None)
    rate = float(np.mean([each.rate for each in found]))
    people = [search.probe_person[here] for here in mated]
    intervals = [bootstrap_rate(each.hits, who, weights) for each, who in zip(found, people, strict=True)]
    if len(intervals) == 1:
        return OpenSetRate(fpir, rate, intervals[0])
    rounds = np.mean([each.rounds for each in intervals], axis=0)
    return OpenSetRate(fpir, rate, percentile_interval(rounds, rate, len(np.unique(np.concatenate(people)))))
