"""Fixtures of the whole suite: drawn heads to work on, and a cache folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pifr.data.drawn import draw_people
from pifr.data.manifest import Manifest

DRAWN_YAWS = (-90, -60, -30, 0, 30, 60, 90)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Caches of tests never touch the user's, and one session shares one cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIFR_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve drawn people at seven yaws, 64 px; read only."""
    return draw_people(tmp_path_factory.mktemp("drawn"), people=12, yaws_degrees=DRAWN_YAWS, size_px=64)
