"""The people to draw from: a manifest at hand, or the twin rendered for them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.study.people import tested_pictures, training_pictures, with_frontal
from benchmarks.study.settings import StudySettings
from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, concatenate, read_manifest
from pifr.data.seen import BELOW, data_folders

_TRAIN_SESSION, _TEST_SESSION, _RECORDING = 1, 2, 1


class Pool(Protocol):
    """People to draw from, and their pictures.

    Attributes:
        folders: What tells their data set from others, see :func:`pifr.data.seen.data_folders`.
    """

    @property
    def folders(self) -> Sequence[str]:
        """See above."""
        ...

    def trainable(self) -> list[str]:
        """Who can be A or B."""
        ...

    def testable(self) -> list[str]:
        """Who can be C."""
        ...

    def fingerprint(self) -> str:
        """Digest of what the people are drawn from."""
        ...

    def pictures(self, drawn: dict[str, list[str]]) -> Manifest:
        """Return the pictures of who was drawn as A, B and C."""
        ...


class ManifestPool:
    """The people of the manifest ``settings.twin``, seen by the study's cameras."""

    def __init__(self, settings: StudySettings) -> None:
        data = read_manifest(str(settings.twin), ["yaw"])
        if "camera" in data.table:
            data = data.select(data.table["camera"].isin(settings.cameras))
        if not len(data):
            raise DataError("no picture is by one of the study's cameras", where=settings.twin)
        self._data, self._settings, self.folders = data, settings, data_folders(data)
        self._fingerprint: str | None = None

    def trainable(self) -> list[str]:
        """Who has a frontal picture in the lights and the sitting of training."""
        return with_frontal(self._data.select(training_pictures(self._data, self._settings.train_lights)))

    def testable(self) -> list[str]:
        """Who has a frontal picture in the lights and the sitting of the test."""
        return with_frontal(self._data.select(tested_pictures(self._data, self._settings.test_lights)))

    def fingerprint(self) -> str:
        """Digest of table and pictures, see :meth:`Manifest.fingerprint`; read once, every seed asks for it."""
        if self._fingerprint is None:
            self._fingerprint = self._data.fingerprint(unreadable_ok=True)
        return self._fingerprint

    def pictures(self, drawn: dict[str, list[str]]) -> Manifest:
        """Return the pictures of who was drawn."""
        return self._data.select(self._data.table["subject"].isin([name for names in drawn.values() for name in names]))


class TwinPool:
    """People of the twin: A and B are rendered in the first session, C in the second; not everybody came to both.

    Pictures that another seed rendered before are kept.

    Args:
        settings: The study's.
        out: Folder of the rendered pictures, common to all seeds.
    """

    def __init__(self, settings: StudySettings, out: Path) -> None:
        self._settings, self._folder = settings, Path(out)
        here = str(self._folder.resolve())
        self.folders = [here, f"{here}{BELOW}"]

    def trainable(self) -> list[str]:
        """Who came to the first session."""
        return self._came_to(_TRAIN_SESSION)

    def testable(self) -> list[str]:
        """Who came to the second session."""
        return self._came_to(_TEST_SESSION)

    def fingerprint(self) -> str:
        """Nothing beside the settings decides what is rendered."""
        return "rendered"

    def pictures(self, drawn: dict[str, list[str]]) -> Manifest:
        """Render who was drawn, or what is still missing of them."""
        settings = self._settings
        trained = self._render([*drawn["A"], *drawn["B"]], _TRAIN_SESSION, settings.train_lights)
        return concatenate([trained, self._render(drawn["C"], _TEST_SESSION, settings.test_lights)])

    def _came_to(self, session: int) -> list[str]:
        from pifr.twin import TwinConfig, twin_index
        from pifr.twin.config import MOST_PEOPLE

        config = TwinConfig(
            people=MOST_PEOPLE, sessions=(session,), recordings=(_RECORDING,), lights=self._settings.train_lights[:1],
            cameras=self._settings.cameras[:1], size_px=self._settings.size_px,
        )  # fmt: skip
        return sorted(set(twin_index(config)["subject"]))

    def _render(self, subjects: list[str], session: int, lights: tuple[str, ...]) -> Manifest:
        from pifr.twin import TwinConfig, render_twin

        people = ",".join(str(int(name)) for name in subjects)
        config = TwinConfig(
            people=people, sessions=(session,), recordings=(_RECORDING,), cameras=self._settings.cameras,
            lights=lights, size_px=self._settings.size_px,
        )  # fmt: skip
        return render_twin(config, self._folder, workers=_usable_cpus())


def open_pool(settings: StudySettings, out: Path) -> Pool:
    """Return the manifest's people, or the twin's where none is named."""
    return TwinPool(settings, Path(out) / "twin") if settings.twin is None else ManifestPool(settings)


def _usable_cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
