"""The chain in a few numbers: how long each stage took, and rank-1 by |yaw| of every system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pifr.evaluation import BenchmarkResult


@dataclass(frozen=True)
class Summary:
    """The headline of a chain.

    Attributes:
        name: The chain's name.
        seconds_by_stage: Wall-clock seconds of each stage; a kept stage shows what it took when it ran.
        rank1_percent_by_abs_yaw: System -> |yaw| in degrees, as text -> rank-1 in percent.
        rank1_interval_by_abs_yaw: The same -> 95 % interval over people, in percent; None where there is none.
        eer_percent_by_abs_yaw: System -> |yaw| -> equal error rate in percent.
        report: The HTML page.
    """

    name: str
    seconds_by_stage: dict[str, float]
    rank1_percent_by_abs_yaw: dict[str, dict[str, float]]
    rank1_interval_by_abs_yaw: dict[str, dict[str, Any]]
    eer_percent_by_abs_yaw: dict[str, dict[str, float]]
    report: Path

    @property
    def seconds(self) -> float:
        """Seconds of all stages together."""
        return round(sum(self.seconds_by_stage.values()), 1)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "seconds_by_stage": self.seconds_by_stage,
            "rank1_percent_by_abs_yaw": self.rank1_percent_by_abs_yaw,
            "rank1_interval_by_abs_yaw": self.rank1_interval_by_abs_yaw,
            "eer_percent_by_abs_yaw": self.eer_percent_by_abs_yaw,
            "report": str(self.report),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Return labels and values for the report's head."""
        stages = [(name, f"{seconds:.0f} s") for name, seconds in self.seconds_by_stage.items()]
        return [("all stages", f"{self.seconds / 60:.1f} min"), *stages]

    def table(self) -> str:
        """Return rank-1 in percent by |yaw|, systems side by side, as text."""
        yaws = list(next(iter(self.rank1_percent_by_abs_yaw.values())))
        width = max(len(name) for name in self.rank1_percent_by_abs_yaw)
        lines = [f"{'rank-1 % at |yaw|':<{width}}  " + "".join(f"{yaw:>7}" for yaw in yaws)]
        for name, by_yaw in self.rank1_percent_by_abs_yaw.items():
            lines.append(f"{name:<{width}}  " + "".join(f"{by_yaw[yaw]:>7.1f}" for yaw in yaws))
        return "\n".join(lines)


def summarise(name: str, result: BenchmarkResult, seconds_by_stage: Mapping[str, float], report: Path) -> Summary:
    """Take the headline out of a benchmark's result."""
    systems = {system.name: system.to_dict() for system in result.systems}

    def each(key: str) -> dict[str, Any]:
        return {system: values[key] for system, values in systems.items()}

    return Summary(
        name,
        dict(seconds_by_stage),
        each("rank1_percent_by_abs_yaw"),
        each("rank1_interval_by_abs_yaw"),
        each("eer_percent_by_abs_yaw"),
        report,
    )
