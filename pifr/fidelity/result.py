"""All figures of one generator, as a table, as JSON, in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from pifr.core.files import write_json
from pifr.fidelity.estimate import Estimate
from pifr.fidelity.identity import IdentityFigures
from pifr.fidelity.leakage import LeakageFigures
from pifr.fidelity.pose import PoseFigures
from pifr.fidelity.swap import SwapFigures


@dataclass(frozen=True)
class FidelityResult:
    """Figures of a generator on people it never saw.

    Attributes:
        protocol: What was compared, and how.
        identity: Judge -> its figures.
        pose: Yaw errors.
        pixels: Measure -> |yaw| -> figure.
        leakage: Probes.
        swap: Swap consistency; None for fewer than three people a yaw.
        kid: Judge -> kernel distance on its features.
        environment: Versions, machine, command, data fingerprint.
    """

    protocol: dict[str, Any]
    identity: dict[str, IdentityFigures]
    pose: PoseFigures
    pixels: dict[str, dict[str, Estimate]]
    leakage: LeakageFigures
    swap: SwapFigures | None
    kid: dict[str, Estimate]
    environment: dict[str, Any] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Return one row a figure: over all views with its interval, and by |yaw| (the yaw error: by yaw) without."""
        rows = [self._row(name, found, scale, digits) for name, found, scale, digits in self._by_yaw()]
        rows += [{"figure": name, "all": found.text(scale, digits)} for name, found, scale, digits in self._single()]
        table = pd.DataFrame(rows).fillna("")
        angles = sorted((str(column) for column in table if column not in ("figure", "all")), key=float)
        return table[["figure", "all", *angles]]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values; each figure is ``{value, interval, trials, people}``, the unknown null."""
        judges = self.identity

        def by_judge(attribute: str, scale: float) -> dict[str, Any]:
            return {name: _dicts(getattr(figures, attribute), scale) for name, figures in judges.items()}

        leakage = self.leakage
        return {
            "protocol": self.protocol,
            "rank1_percent_by_abs_yaw": by_judge("rank1", 100),
            "true_view_rank1_percent_by_abs_yaw": by_judge("true_rank1", 100),
            "rank1_percent_of_true_view_by_abs_yaw": by_judge("rank1_share", 100),
            "gallery_cosine_by_abs_yaw": by_judge("cosine", 1),
            "true_view_gallery_cosine_by_abs_yaw": by_judge("true_cosine", 1),
            "failures_to_acquire": {
                name: {"generated": figures.failures, "true": figures.true_failures}
                for name, figures in judges.items()
            },
            "yaw_mae_degrees": self.pose.generated["all"].to_dict(),
            "yaw_mae_degrees_by_yaw": _dicts(self.pose.generated),
            "true_view_yaw_mae_degrees": self.pose.true["all"].to_dict(),
            "true_view_yaw_mae_degrees_by_yaw": _dicts(self.pose.true),
            "pixels_by_abs_yaw": {name: _dicts(figures) for name, figures in self.pixels.items()},
            "leakage": {
                "yaw_from_identity_percent": leakage.yaw_from_identity.to_dict(100),
                "person_from_pose_percent": leakage.person_from_pose.to_dict(100),
                "person_probe_tested_on_other": leakage.held_out,
            },
            "swap_cosine": None if self.swap is None else {
                "same_person": self.swap.same_person.to_dict(),
                "different_people": self.swap.different_people.to_dict(),
            },
            "kid": {name: found.to_dict() for name, found in self.kid.items()},
            "environment": self.environment,
        }  # fmt: skip

    def save(self, path: Path) -> Path:
        """Write :meth:`to_dict` as JSON."""
        write_json(Path(path), self.to_dict())
        return Path(path)

    def _by_yaw(self) -> list[tuple[str, dict[str, Estimate], float, int]]:
        rows: list[tuple[str, dict[str, Estimate], float, int]] = []
        for judge, figures in self.identity.items():
            rows += [
                (f"{judge}: rank-1 %", figures.rank1, 100, 1),
                (f"{judge}: rank-1 % of true views", figures.true_rank1, 100, 1),
                (f"{judge}: share of it %", figures.rank1_share, 100, 1),
                (f"{judge}: cosine to gallery", figures.cosine, 1, 2),
                (f"{judge}: cosine of true views", figures.true_cosine, 1, 2),
            ]
        rows += [("yaw error°", self.pose.generated, 1, 1), ("yaw error° of true views", self.pose.true, 1, 1)]
        digits = {"l1": 3, "psnr_db": 1, "ssim": 3}
        return rows + [(name, figures, 1, digits[name]) for name, figures in self.pixels.items()]

    def _single(self) -> list[tuple[str, Estimate, float, int]]:
        rows = [
            ("leakage: yaw from identity %", self.leakage.yaw_from_identity, 100.0, 1),
            ("leakage: person from pose %", self.leakage.person_from_pose, 100.0, 1),
        ]
        if self.swap is not None:
            rows += [
                ("swap: cosine, same person", self.swap.same_person, 1.0, 2),
                ("swap: cosine, different people", self.swap.different_people, 1.0, 2),
            ]
        return rows + [(f"{judge}: KID", found, 1.0, 3) for judge, found in self.kid.items()]

    @staticmethod
    def _row(name: str, found: dict[str, Estimate], scale: float, digits: int) -> dict[str, str]:
        cells = {group: f"{scale * value.value:.{digits}f}" for group, value in found.items() if value.trials}
        # Fifteen columns of intervals fit no terminal; the JSON has them all.
        return {"figure": name, **cells, "all": found["all"].text(scale, digits)}


def _dicts(found: dict[str, Estimate], scale: float = 1) -> dict[str, Any]:
    return {group: value.to_dict(scale) for group, value in found.items()}
