from __future__ import annotations

from pathlib import Path

import pytest

from pifr.augment.result import AugmentResult


@pytest.mark.parametrize(
    ("pairs", "accepted", "told"),
    [
        (72, 0.75, "75.0 % of 72 pairs of one person's sources reach it"),
        (0, None, "nobody has two sources, so how many pairs of one person would reach it is unknown"),
    ],
)
def test_the_threshold_is_told_with_what_it_costs_or_that_this_is_unknown(
    pairs: int, accepted: float | None, told: str
) -> None:
    calibration = {
        "threshold": 0.94, "fmr": 1e-3, "impostor_pairs": 10224, "mated_pairs": pairs, "mated_accepted": accepted,
    }  # fmt: skip
    text = AugmentResult(None, Path("views/manifest.csv"), 8, calibration=calibration).table()
    assert f"identity threshold: cosine 0.940 (FMR 0.001 on 10,224 impostor pairs); {told}\n" in text
