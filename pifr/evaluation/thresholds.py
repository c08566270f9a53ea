"""Thresholds set on development people and applied to others: what an operator would really see.

A threshold chosen on the very comparisons that are reported flatters the system; so protocols with a ``dev`` part
report at its thresholds (as in bob.bio.base: EER on dev, HTER on eval).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pifr.evaluation.figures import SystemScores, percent
from pifr.evaluation.measure import Measure
from pifr.evaluation.protocols.protocol import DEVELOPMENT, EVALUATION
from pifr.evaluation.scores import ScoreTable
from pifr.evaluation.streamed import ABSOLUTE, ALL, DEV, StreamedScores
from pifr.metrics import ErrorRates, TarAtFar, error_rates, error_rates_at, tar_at_far


@dataclass(frozen=True)
class DevThreshold:
    """Error rates on the reported people at a threshold that other people set.

    Attributes:
        rule: How dev set it: ``EER`` or ``FMR 0.001``.
        threshold: The score.
        dev_percent: The error on dev that the rule looks at.
        fmr: False match rate on eval.
        fnmr: False non-match rate on eval.
        fnmr_by_abs_yaw: The same by absolute yaw of the probe.
    """

    rule: str
    threshold: float
    dev_percent: float
    fmr: float
    fnmr: float
    fnmr_by_abs_yaw: dict[str, float]

    @property
    def hter(self) -> float:
        """Half total error rate on eval: the mean of FMR and FNMR."""
        return (self.fmr + self.fnmr) / 2

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, rates in percent."""
        return {
            "rule_on_dev": self.rule,
            "threshold": self.threshold,
            "dev_percent": self.dev_percent,
            "eval_fmr_percent": percent(self.fmr),
            "eval_fnmr_percent": percent(self.fnmr),
            "eval_hter_percent": percent(self.hter),
            "eval_fnmr_percent_by_abs_yaw": {yaw: percent(rate) for yaw, rate in self.fnmr_by_abs_yaw.items()},
        }


def reported_part(scores: ScoreTable) -> str | None:
    """Return ``eval`` where the protocol has both parts, since dev only sets thresholds; else None, for everything."""
    if "part" not in scores.pictures:
        return None
    return EVALUATION if {DEVELOPMENT, EVALUATION} <= set(scores.pictures["part"]) else None


def dev_thresholds(scores: ScoreTable, system: str, measure: Measure) -> list[DevThreshold]:
    """Set thresholds on dev and apply them to eval; nothing where the protocol has no dev part.

    Rules: the threshold of the EER, and each false match rate of ``measure`` that dev has impostors enough for.
    """
    if reported_part(scores) is None:
        return []
    dev, held_out = (SystemScores(scores, system, measure, part) for part in (DEVELOPMENT, EVALUATION))
    dev_mated, dev_nonmated = _two_sides(dev)
    rates = error_rates(dev_mated, dev_nonmated)
    tars = [tar_at_far(dev_mated, dev_nonmated, far) for far in measure.fars]
    return [_apply(held_out, *rule) for rule in _rules(rates, tars)]


def streamed_dev_thresholds(streamed: StreamedScores) -> list[DevThreshold]:
    """Do the same with what is left of streamed scores."""
    if DEV not in streamed.counts:
        return []
    dev = streamed.counts[DEV][DEV].scores
    tars = [dev.tar_at_far(far) for far in streamed.measure.fars]
    found = []
    for rule, threshold, dev_percent in _rules(dev.error_rates(), tars):
        fmr, fnmr = streamed.counts[ALL][ALL].scores.error_rates_at(threshold)
        by_yaw = {
            name: group.scores.false_nonmatch_rate_at(threshold)
            for name, group in streamed.counts.get(ABSOLUTE, {}).items() if group.scores.mated
        }  # fmt: skip
        found.append(DevThreshold(rule, threshold, round(dev_percent, 4), fmr, fnmr, by_yaw))
    return found


def _rules(rates: ErrorRates, tars: list[TarAtFar]) -> list[tuple[str, float, float]]:
    """Return name, threshold and percent on dev of each rule."""
    meeting = int(np.argmin(np.abs(rates.fmr - rates.fnmr)))
    rules = [("EER", float(rates.thresholds[meeting]), 100 * rates.equal_error_rate())]
    for found in tars:
        if not found.too_few and math.isfinite(found.threshold):
            rules.append((f"FMR {found.far:g}", found.threshold, 100 * (1 - found.tar)))
    return rules


def _apply(held_out: SystemScores, rule: str, threshold: float, dev_percent: float) -> DevThreshold:
    fmr, fnmr = error_rates_at(*_two_sides(held_out), threshold)
    by_yaw = {}
    if "yaw" in held_out.table.pictures:
        for name, mask in held_out.groups("yaw").items():
            in_group = np.isin(held_out.table.probe, held_out.probe_rows[mask]) & held_out.table.mated
            if in_group.any():
                by_yaw[name] = float(np.mean(held_out.scores[in_group] < threshold))
    return DevThreshold(rule, threshold, round(dev_percent, 4), float(fmr), float(fnmr), by_yaw)


def _two_sides(prepared: SystemScores) -> tuple[np.ndarray, np.ndarray]:
    return prepared.scores[prepared.table.mated], prepared.scores[~prepared.table.mated]
