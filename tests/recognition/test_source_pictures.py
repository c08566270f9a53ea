"""Which pictures are turned."""

from __future__ import annotations

from collections.abc import Callable

from pifr.recognition.config import RecognizerConfig
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.source_pictures import source_rows
from pifr.recognition.training_data import read_training_data

Recipe = Callable[..., RecognizerConfig]


def test_sources_are_real_and_the_most_frontal_first(recipe: Recipe) -> None:
    data = read_training_data(recipe())
    rows = source_rows(data, OnTheFlyConfig(generator="x", sources_per_person=2))
    yaws = data.train.yaw_degrees[rows]
    assert len(rows) == 16
    assert sorted(yaws[data.labels[rows] == 0]) == [-30, 0]  # the first of two pictures at 30
    assert len(source_rows(data, OnTheFlyConfig(generator="x", sources_per_person=9))) == 24
