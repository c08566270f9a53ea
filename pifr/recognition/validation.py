"""Validation on people that training never saw: a frontal picture of each enrolled, all others searched."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from pifr.core.errors import DataError
from pifr.data.head_height import yaw_at_head_height
from pifr.data.manifest import Manifest
from pifr.metrics import equal_error_rate, rank_n_rate, rank_of_mates, tar_at_far, unit_length

FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001)
"""Those of the evaluation protocols; one that the impostors are too few for is left out."""
YAW_BIN_DEGREES = 15.0
"""Width of a yaw group, as in the evaluation protocols; a probe belongs to the nearest multiple."""


@dataclass(frozen=True)
class ValidationFigures:
    """How well validation people are told apart; rates are shares in [0, 1].

    Attributes:
        rank1: Share of probes whose own person is the most similar enrolled one.
        eer: Equal error rate over all probe-enrolment pairs.
        people: Enrolled people.
        probes: Pictures searched, failed ones included: they count as not found.
        failed: Probes whose embedding is not finite or zero.
        tar: True accept rate by false accept rate: ``{"0.01": 0.83}``.
        rank1_by_yaw: Rank-1 by the nearest multiple of 15 degrees of the probe's turn to either side:
            ``{"0": 1.0, "45": 0.9}``; empty where no yaw is known. Cameras that hang above are of no group.
    """

    rank1: float
    eer: float
    people: int
    probes: int
    failed: int
    tar: dict[str, float] = field(default_factory=dict)
    rank1_by_yaw: dict[str, float] = field(default_factory=dict)

    def better_than(self, other: ValidationFigures | None) -> bool:
        """Tell whether rank-1 is higher, or as high with a lower equal error rate."""
        return other is None or (self.rank1, -self.eer) > (other.rank1, -other.eer)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return asdict(self)

    def flat(self) -> dict[str, float]:
        """Return the rates under one name each, for a history."""
        return {
            "validation_rank1": self.rank1, "validation_eer": self.eer,
            **{f"validation_tar_at_far_{far}": rate for far, rate in self.tar.items()},
            **{f"validation_rank1_yaw_{yaw}": rate for yaw, rate in self.rank1_by_yaw.items()},
        }  # fmt: skip

    def __str__(self) -> str:
        text = f"rank-1 {100 * self.rank1:.1f} %, EER {100 * self.eer:.1f} %"
        if self.rank1_by_yaw:
            text += "; rank-1 by turn: " + ", ".join(f"{yaw}° {100 * v:.0f}" for yaw, v in self.rank1_by_yaw.items())
        return text


def enrolment_rows(manifest: Manifest) -> np.ndarray:
    """Return the row of each person's most frontal picture ``(C,)``, neutral before other expressions.

    Where no yaw is known the first picture stands in.
    """
    yaw = np.nan_to_num(np.abs(manifest.yaw_degrees), nan=np.inf)
    posed = np.zeros(len(manifest), dtype=bool)
    if "expression" in manifest.table:
        posed = ~manifest.table["expression"].isin(["neutral", ""]).to_numpy()
    best = np.lexsort((np.arange(len(manifest)), posed, yaw))
    _, first = np.unique(manifest.table["subject"].to_numpy(dtype=str)[best], return_index=True)
    return np.sort(best[first])


def validation_figures(vectors: np.ndarray, failed: np.ndarray, manifest: Manifest) -> ValidationFigures:
    """Search every picture among the enrolled ones, by cosine.

    Args:
        vectors: ``(N, D)`` embeddings.
        failed: ``(N,)`` bool; such pictures match nobody.
        manifest: Their rows.

    Raises:
        DataError: If there are fewer than two people, or nobody has a second picture.
    """
    enrolled = enrolment_rows(manifest)
    probes = np.setdiff1d(np.arange(len(manifest)), enrolled)
    if len(enrolled) < 2 or not len(probes):
        raise DataError(
            "validation needs two people or more, and a second picture of someone", where=manifest.name,
            found=f"{len(enrolled)} people, {len(manifest)} pictures", cure="or set data.validation_split=null",
        )  # fmt: skip
    unit = unit_length(np.where(failed[:, None], 0.0, vectors))
    scores = unit[probes] @ unit[enrolled].T
    scores[failed[probes]] = scores[:, failed[enrolled]] = -1.0  # the lowest cosine: accepted by no threshold
    subjects = manifest.table["subject"].to_numpy(dtype=str)
    ranks = rank_of_mates(scores, subjects[probes], subjects[enrolled])
    mated = subjects[probes][:, None] == subjects[enrolled][None, :]
    genuine, impostor = scores[mated], scores[~mated]
    found = [tar_at_far(genuine, impostor, far) for far in FALSE_ACCEPT_RATES]
    return ValidationFigures(
        rank1=rank_n_rate(ranks, 1),
        eer=equal_error_rate(genuine, impostor),
        people=len(enrolled),
        probes=len(probes),
        failed=int(failed[probes].sum()),
        tar={f"{one.far:g}": one.tar for one in found if not one.too_few},
        rank1_by_yaw=_rank1_by_yaw(ranks, yaw_at_head_height(manifest)[probes]),
    )


def _rank1_by_yaw(ranks: np.ndarray, yaw_degrees: np.ndarray) -> dict[str, float]:
    # Half-way angles go outwards, as in pifr.evaluation.figures.yaw_groups, which lies a floor above.
    turns = np.floor(np.abs(yaw_degrees) / YAW_BIN_DEGREES + 0.5) * YAW_BIN_DEGREES
    known = np.unique(turns[np.isfinite(turns)])
    return {f"{turn:g}": rank_n_rate(ranks[turns == turn], 1) for turn in known}
