"""Fixtures of the whole suite: rendered people to work on, and a cache folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import pandas as pd
import pytest

from pifr.data.importers.multipie import camera_yaws
from pifr.data.manifest import Manifest, make_manifest
from pifr.twin import TwinConfig, render_twin

YAWS = (-90, -60, -30, 0, 30, 60, 90)
FIRST_SITTERS = (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14)
"""People of the twin who come to session 1."""

RenderPeople = Callable[..., Manifest]

# A deadline is a time by the clock, which a busy machine fails.
hypothesis.settings.register_profile("pifr", deadline=None)
hypothesis.settings.load_profile("pifr")


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Caches of tests never touch the user's, and one session shares one cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIFR_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def render_people(tmp_path_factory: pytest.TempPathFactory, cache_of_the_session: Path) -> RenderPeople:
    """A function that renders people of the twin into one folder a person: ``001/01_neutral_+030.png``."""

    def render(out: Path, people: int, yaws_degrees: Sequence[int], size_px: int = 64) -> Manifest:
        cameras = {int(yaw): camera for camera, yaw in camera_yaws().items() if yaw == yaw}  # not the two overhead
        config = TwinConfig(
            people=",".join(str(number) for number in FIRST_SITTERS[:people]),
            sessions=(1,),
            recordings=(1,),
            cameras=tuple(cameras[yaw] for yaw in yaws_degrees),
            lights=("07",),
            size_px=size_px,
        )
        made = render_twin(config, tmp_path_factory.mktemp("twin"))
        numbers = {subject: f"{index + 1:03d}" for index, subject in enumerate(made.subjects)}
        rows = []
        for picture, row in zip(made.paths, made.table.itertuples(), strict=True):
            yaw, subject = round(camera_yaws()[row.camera]), numbers[row.subject]
            path = f"{subject}/01_neutral_{yaw:+04d}.png"
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(picture, out / path)
            rows.append((path, subject, float(yaw), "rendered", "01", "neutral"))
        table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "kind", "session", "expression"])
        table = table.sort_values(["subject", "yaw"], ignore_index=True)
        return make_manifest(table, out, str(out / "manifest.csv")).save(out / "manifest.csv")

    return render


@pytest.fixture(scope="session")
def rendered(render_people: RenderPeople, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve people of the twin at seven yaws, 64 px; read only."""
    return render_people(tmp_path_factory.mktemp("rendered"), 12, YAWS)
