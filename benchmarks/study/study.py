"""The study: every row on every seed, each step once, whatever was interrupted."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.study import steps
from benchmarks.study.gaps import Measured
from benchmarks.study.people import Parts, draw_people, split_people
from benchmarks.study.pool import Pool
from benchmarks.study.rows import Row
from benchmarks.study.settings import StudySettings, folder_of_seed
from pifr.chain.stages import StageBook, StageRecord
from pifr.core.files import atomic_path, read_json, write_json
from pifr.core.progress import say
from pifr.data.manifest import Manifest, concatenate, read_manifest


class Toolkit(Protocol):
    """The steps of :mod:`benchmarks.study.steps`; a test hands in others."""

    train_generator: Any
    make_views: Any
    train_recogniser: Any
    benchmark: Any


@dataclass
class Outcome:
    """What the study found so far.

    Attributes:
        measured: Row -> figure -> one entry a seed, in the order of the seeds.
        skipped: Row -> why.
        seconds: All steps of all seeds together.
    """

    measured: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def run_study(settings: StudySettings, rows: list[Row], pool: Pool, out: Path, toolkit: Toolkit = steps) -> Outcome:
    """Do every row on every seed, or what is left of them.

    Args:
        settings: The study's.
        rows: The rows.
        pool: The people to draw from.
        out: Folder of everything; a step that is done there and whose inputs are unchanged is kept.
        toolkit: The steps.
    """
    outcome = Outcome()
    for seed in settings.seeds:
        book = SeedBook(settings, seed, folder_of_seed(out, seed), toolkit)
        book.open_people(pool)
        for row in rows:
            if row.key in outcome.skipped:
                continue
            try:
                found = book.measure(row)
            except steps.MissingPieceError as error:
                outcome.skipped[row.key] = str(error)
                outcome.measured.pop(row.key, None)
                say(f"{row.title}: skipped, {error}")
                continue
            for figure, measured in found.items():
                outcome.measured.setdefault(row.key, {}).setdefault(figure, []).append(measured)
        outcome.seconds += book.seconds
    return outcome


class SeedBook:
    """One seed: its people, and the steps made of them.

    Args:
        settings: The study's.
        seed: Of people and training.
        out: Folder of this seed.
        toolkit: The steps.
    """

    def __init__(self, settings: StudySettings, seed: int, out: Path, toolkit: Toolkit) -> None:
        self.settings, self.seed, self.out, self.toolkit = settings, seed, Path(out), toolkit
        self.book = StageBook(self.out)
        self.parts: Parts | None = None
        self.people_key = ""

    @property
    def seconds(self) -> float:
        """Seconds of all finished steps."""
        return sum(self.book.seconds_by_stage().values())

    def open_people(self, pool: Pool) -> None:
        """Draw A, B and C, or read who was drawn before."""
        settings = self.settings
        depends_on = {
            "people": settings.people, "seed": self.seed, "lights": [settings.train_lights, settings.test_lights],
            "cameras": settings.cameras, "size_px": settings.size_px, "twin": settings.twin,
        }  # fmt: skip

        def work(previous: Path | None) -> Path:
            drawn = draw_people(pool.subjects(), settings.people, self.seed)
            parts = split_people(pool.pictures(drawn), drawn, settings.train_lights, settings.test_lights)
            for name in ("teachers", "singles", "test"):
                getattr(parts, name).save(self._people(name))
            return self.out / "people"

        self.people_key = self.book.run("people", depends_on, work).key
        self.parts = Parts(*(read_manifest(self._people(name)) for name in ("teachers", "singles", "test")))

    def measure(self, row: Row) -> dict[str, Measured]:
        """Return a row's figures, training what it needs."""
        recogniser = self._recogniser(row)
        turned = None if row.frontalised is None else self._generator(row.frontalised, row.a_people)
        settings = self.settings

        def work(previous: Path | None) -> Path:
            found = self.toolkit.benchmark(
                recogniser.output, self._people("test"), None if turned is None else turned.output,
                settings.bootstrap_rounds, self.seed, self.out / "benchmarks" / row.key, settings.device,
            )  # fmt: skip
            return save_measured(self.out / "rows" / row.key, found)

        depends_on = {
            "recogniser": recogniser.key, "generator": None if turned is None else turned.key,
            "people": self.people_key, "rounds": settings.bootstrap_rounds,
        }  # fmt: skip
        return read_measured(self.book.run(f"row {row.key}", depends_on, work).output)

    def _generator(self, name: str, a_people: int | None) -> StageRecord:
        given = self.settings.generator_runs.get(name)
        if given is not None:
            return StageRecord(f"given {Path(given).resolve()}", 0.0, Path(given))
        called = name if a_people is None else f"{name} of {a_people}"
        slug = called.replace(" ", "-")
        settings = {**self.settings.generator, "seed": self.seed}

        def work(previous: Path | None) -> Path:
            assert self.parts is not None
            people = self._people(f"teachers{'' if a_people is None else a_people}")
            if not people.exists():  # written once, since a resumed run must see the very same table
                self.parts.few_teachers(a_people).save(people)
            return self.toolkit.train_generator(
                name, people, settings, self.out / "generators" / slug, self.settings.device
            )

        depends_on = {"people": self.people_key, "a_people": a_people, "settings": settings, "name": name}
        return self.book.run(f"generator {called}", depends_on, work)

    def _views(self, row: Row) -> StageRecord:
        method = str(row.views)
        generator = None if row.generator is None else self._generator(row.generator, row.a_people)
        called = method if row.a_people is None else f"{method} of {row.a_people}"
        settings = self.settings

        def work(previous: Path | None) -> Path:
            return self.toolkit.make_views(
                method, self._frontal(), None if generator is None else generator.output, settings.view_yaws_degrees,
                settings.sources_per_person, self.out / "views" / called.replace(" ", "-"), settings.device,
            )  # fmt: skip

        depends_on = {
            "people": self.people_key, "generator": None if generator is None else generator.key, "method": method,
            "yaws": settings.view_yaws_degrees, "sources": settings.sources_per_person,
        }  # fmt: skip
        return self.book.run(f"views {called}", depends_on, work)

    def _recogniser(self, row: Row) -> StageRecord:
        """Train the row's recogniser; rows that differ in the test alone share one."""
        views = None if row.views is None or row.on_the_fly else self._views(row)
        fly = self._generator(row.generator, row.a_people) if row.on_the_fly and row.generator else None
        slug = "-".join(_slug(each) for each in row.recogniser)
        settings = self.settings

        def work(previous: Path | None) -> Path:
            real = self.out / "recognisers" / f"{slug}.parquet"
            if not real.exists():  # written once, since a resumed run must see the very same table
                self._real(row).save(real)
            return self.toolkit.train_recogniser(
                row.key, real, [] if views is None else [views.output], settings.recogniser,
                self.out / "recognisers" / slug, settings.device, flips=row.flips, dream=row.dream,
                on_the_fly=None if fly is None else fly.output, seed=self.seed,
            )  # fmt: skip

        depends_on = {
            "people": self.people_key, "views": None if views is None else views.key,
            "fly": None if fly is None else fly.key, "row": row.recogniser, "settings": settings.recogniser,
        }  # fmt: skip
        return self.book.run(f"recogniser {slug}", depends_on, work)

    def _real(self, row: Row) -> Manifest:
        assert self.parts is not None
        singles = self.parts.singles if row.true_views else self.parts.frontal_singles()
        if not row.teachers:
            return singles
        return concatenate([self.parts.few_teachers(row.a_people), singles])

    def _frontal(self) -> Path:
        assert self.parts is not None
        path = self._people("singles-frontal")
        if not path.exists():
            self.parts.frontal_singles().save(path)
        return path

    def _people(self, name: str) -> Path:
        return self.out / "people" / f"{name}.parquet"


def save_measured(path: Path, found: dict[str, Measured]) -> Path:
    """Write a row's figures and their rounds beside each other; return the JSON file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounds = {f"{figure}/{yaw}": each for figure, m in found.items() for yaw, each in m.rounds.items()}
    with atomic_path(path.with_suffix(".npz")) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **{k: v.astype(np.float32) for k, v in rounds.items()})
    record = {figure: {"people": m.people, "rate": m.rate} for figure, m in found.items()}
    write_json(path.with_suffix(".json"), {"written": time.time(), "figures": record})
    return path.with_suffix(".json")


def read_measured(path: Path) -> dict[str, Measured]:
    """Read what :func:`save_measured` wrote."""
    record = read_json(path)["figures"]
    with np.load(path.with_suffix(".npz"), allow_pickle=False) as file:
        rounds = dict(file)
    return {
        figure: Measured(each["people"], each["rate"], {yaw: rounds[f"{figure}/{yaw}"] for yaw in each["rate"]})
        for figure, each in record.items()
    }


def _slug(value: object) -> str:
    if value is None:
        return "x"
    return str(int(value)) if isinstance(value, bool) else str(value)
