from __future__ import annotations

from typing import Any

import pytest

from pifr.augment.sheet import captions

MEASURED = {"subject": "001", "yaw": -60.0, "yaw_measured": -59.4, "identity_cosine": 0.93612, "nearest_other": "041"}


@pytest.mark.parametrize(
    ("row", "threshold", "lines"),
    [
        ({"reject_reason": "identity below threshold"}, 0.94, ("001 -60 is -59 cos 0.936", "identity below 0.940")),
        ({"reject_reason": "identity below threshold"}, None, ("001 -60 is -59 cos 0.936", "identity below threshold")),
        ({"reject_reason": "looks like another person"}, 0.9, ("001 -60 is -59 cos 0.936", "looks like 041")),
        ({"reject_reason": "", "identity_cosine": None, "yaw_measured": float("nan")}, None, ("001 -60", "")),
    ],
)
def test_captions_name_the_threshold_and_the_other_person(
    row: dict[str, Any], threshold: float | None, lines: tuple[str, str]
) -> None:
    assert captions(MEASURED | row, threshold) == lines
