"""What an augmentation made, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pifr.augment.leak import LeakCheck, listed
from pifr.data.manifest import Manifest

ACCEPTED = "accepted.csv"


@dataclass(frozen=True)
class AugmentResult:
    """What one augmentation made.

    Attributes:
        manifest: Every picture, rejected ones included, with provenance; of the method ``none`` the sources.
            Empty (None) while blocks of other shards are missing.
        manifest_path: Where it lies.
        planned: Views asked for.
        generated: Pictures drawn, with the retries.
        accepted: Pictures that passed every check.
        given_up: Views of which no attempt passed.
        rejected: Reason -> pictures.
        people_without_source: People of whom no picture could be used.
        unreachable: Views that the method can't make of these people.
        leaks: Who was refused because of the test manifest.
        calibration: The threshold of the identity check and what stands behind it; None without a judge.
        sheets: Contact sheets of accepted and rejected pictures.
        shards: Tar files, where they were asked for.
        blocks_missing: Blocks that other shards have yet to do.
        seconds: By part of the work of this call, over all processes; ``writer`` runs beside the rest.
    """

    manifest: Manifest | None
    manifest_path: Path
    planned: int
    generated: int = 0
    accepted: int = 0
    given_up: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    people_without_source: tuple[str, ...] = ()
    unreachable: int = 0
    leaks: LeakCheck = field(default_factory=LeakCheck)
    calibration: dict[str, Any] | None = None
    sheets: tuple[Path, ...] = ()
    shards: tuple[Path, ...] = ()
    blocks_missing: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def accepted_path(self) -> Path:
        """Where the manifest of the accepted pictures alone lies: what to train on."""
        return self.manifest_path.with_name(ACCEPTED)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "manifest": str(self.manifest_path),
            "accepted_manifest": str(self.accepted_path),
            "people": len(self.manifest.subjects) if self.manifest is not None else 0,
            "planned": self.planned,
            "generated": self.generated,
            "accepted": self.accepted,
            "given_up": self.given_up,
            "rejected": self.rejected,
            "people_without_source": list(self.people_without_source),
            "unreachable": self.unreachable,
            "leaks": self.leaks.to_dict(),
            "calibration": self.calibration,
            "sheets": [str(path) for path in self.sheets],
            "shards": [str(path) for path in self.shards],
            "blocks_missing": self.blocks_missing,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }

    def table(self) -> str:
        """Return a short text for the terminal."""
        if self.blocks_missing:
            return (
                f"this shard is done; blocks of other shards still missing: {self.blocks_missing}\n"
                f"when they are there: pifr augment-merge {self.manifest_path.parent}"
            )
        return "\n".join([*self._counts(), *self._notes(), f"manifest: {self.manifest_path}",
                          f"to train on: {self.accepted_path}"])  # fmt: skip

    def _counts(self) -> list[str]:
        people = len(self.manifest.subjects) if self.manifest is not None else 0
        if self.manifest is not None and not self.planned:  # the method "none"
            return [f"{len(self.manifest)} pictures of {people} people as they are, nothing generated"]
        lines = [f"{self.planned} views of {people} people planned, {self.generated} pictures drawn, "
                 f"{self.accepted} accepted"]  # fmt: skip
        if self.rejected:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.rejected.items())
            lines.append(f"rejected: {reasons}; {self.given_up} views given up")
        return lines

    def _notes(self) -> list[str]:
        lines = []
        if self.calibration is None:
            if self.planned:
                lines.append("identity was not checked: no judge")
        elif self.calibration["threshold"] is not None:
            lines.append(_threshold_line(self.calibration))
        if self.unreachable:
            lines.append(f"{self.unreachable} views that the target lacks are beyond this method")
        if self.people_without_source:
            lines.append(f"no usable source picture: {listed(self.people_without_source)}")
        lines += self.leaks.lines()
        lines += [f"sheet: {path}" for path in self.sheets]
        if self.shards:
            lines.append(f"shards: {len(self.shards)} tar files in {self.shards[0].parent}")
        return lines


def _threshold_line(calibration: dict[str, Any]) -> str:
    rule = "given" if calibration["fmr"] is None else (
        f"FMR {calibration['fmr']:g} on {calibration['impostor_pairs']:,} impostor pairs"
    )  # fmt: skip
    text = f"identity threshold: cosine {calibration['threshold']:.3f} ({rule})"
    if calibration["mated_accepted"] is not None:
        share, pairs = 100 * calibration["mated_accepted"], calibration["mated_pairs"]
        text += f"; {share:.1f} % of {pairs} pairs of one person's sources reach it"
    else:
        text += "; nobody has two sources, so how many pairs of one person would reach it is unknown"
    return text
