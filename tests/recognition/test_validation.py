"""Validation figures on cases small enough to work out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.recognition.validation import ValidationFigures, enrolment_rows, validation_figures


def manifest(subjects: str, **columns: object) -> Manifest:
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(len(subjects))], "subject": list(subjects), **columns})
    return make_manifest(table, Path("."), "case")


def directions(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_the_most_frontal_neutral_picture_is_enrolled() -> None:
    case = manifest("aaabbb", yaw=[30, 0, 0, -15, 15, 90], expression=["neutral", "smile", "neutral"] + ["neutral"] * 3)
    assert enrolment_rows(case).tolist() == [2, 3]  # a: neutral at 0; b: the first of the two at 15


def test_unknown_yaws_fall_back_to_the_first_picture() -> None:
    assert enrolment_rows(manifest("abab")).tolist() == [0, 1]
    assert enrolment_rows(manifest("abab", yaw=[np.nan, np.nan, 80, np.nan])).tolist() == [1, 2]


def test_a_hand_worked_case() -> None:
    # a is enrolled at 0 degrees, b at 90. Probes: a at 10 (found), a at 60 (nearer to b), b at 80 (found).
    case = manifest("ababa", yaw=[0, 0, 45, 45, 90])
    figures = validation_figures(directions(0, 90, 10, 80, 60), np.zeros(5, bool), case)
    assert figures.rank1 == pytest.approx(2 / 3)
    assert (figures.people, figures.probes, figures.failed) == (2, 3, 0)
    # Mated cosines: cos 10, cos 10, cos 60 = .98 .98 .5; non-mated: cos 80, cos 80, cos 30 = .17 .17 .87.
    assert figures.eer == pytest.approx(1 / 3)


def test_rates_by_turn_and_at_false_accept_rates() -> None:
    case = manifest("ababa", yaw=[0, 0, -46, 45, 90])
    figures = validation_figures(directions(0, 90, 10, 80, 60), np.zeros(5, bool), case)
    assert figures.rank1_by_yaw == {"45": 1.0, "90": 0.0}
    assert figures.tar == {}  # three impostor comparisons allow no rate below a third
    assert set(figures.flat()) == {"validation_rank1", "validation_eer", "validation_rank1_yaw_45",
                                   "validation_rank1_yaw_90"}  # fmt: skip
    people = "".join(chr(97 + i) for i in range(12))
    case = manifest(people * 2)
    figures = validation_figures(directions(*range(0, 360, 30), *range(0, 360, 30)), np.zeros(24, bool), case)
    assert figures.tar == {"0.1": 1.0, "0.01": 1.0}  # 12 probes x 11 others
    assert figures.rank1_by_yaw == {}


def test_cameras_above_are_of_no_turn() -> None:
    """They are probes as any other, but not among those of 45 or 60 degrees."""
    case = manifest("ababa", yaw=[0, 0, -52.4, 45, 52.6], camera=["05_1", "05_1", "08_1", "19_0", "19_1"])
    figures = validation_figures(directions(0, 90, 10, 80, 60), np.zeros(5, bool), case)
    assert figures.rank1_by_yaw == {"45": 1.0}
    assert figures.probes == 3
    assert figures.rank1 == pytest.approx(2 / 3)


def test_length_does_not_matter() -> None:
    case = manifest("ababa", yaw=[0, 0, 45, 45, 90])
    vectors = directions(0, 90, 10, 80, 60)
    scaled = vectors * np.array([[5], [0.1], [3], [1], [9]])
    assert validation_figures(scaled, np.zeros(5, bool), case) == validation_figures(vectors, np.zeros(5, bool), case)


def test_failed_pictures_count_as_not_found() -> None:
    case = manifest("abab", yaw=[0, 0, 45, 45])
    vectors = directions(0, 90, 0, 90)
    failed = np.array([False, False, True, False])
    vectors[2] = np.nan
    figures = validation_figures(vectors, failed, case)
    assert figures.rank1 == 0.5
    assert figures.failed == 1


def test_nothing_to_search_is_an_error() -> None:
    with pytest.raises(DataError, match="two people or more, and a second picture"):
        validation_figures(directions(0, 90), np.zeros(2, bool), manifest("ab"))
    with pytest.raises(DataError, match="two people or more"):
        validation_figures(directions(0, 90), np.zeros(2, bool), manifest("aa"))


def test_better_means_higher_rank1_and_then_lower_eer() -> None:
    def figures(rank1: float, eer: float) -> ValidationFigures:
        return ValidationFigures(rank1, eer, 4, 10, 0)

    assert figures(0.1, 0.5).better_than(None)
    assert figures(0.9, 0.5).better_than(figures(0.8, 0.1))
    assert figures(0.9, 0.1).better_than(figures(0.9, 0.2))
    assert not figures(0.9, 0.2).better_than(figures(0.9, 0.2))
