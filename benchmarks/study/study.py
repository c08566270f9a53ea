"""The study: every row on every seed, each step once, whatever was interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from benchmarks.study.stepping import run_step
from pifr.augment.frontalise import FROM_DEGREES
from pifr.chain.stages import StageBook, StageRecord
from pifr.core.files import atomic_path, read_json, write_json
from pifr.core.progress import say
from pifr.data.manifest import Manifest, concatenate, read_manifest


class Toolkit(Protocol):
    """The steps of :mod:`benchmarks.study.steps`; a test hands in others."""

    digest_of_generator: Any
    refuse_taught: Any
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
        inputs: Digests of the people drawn from and of the generators given.
        tested: The different people tested, over all seeds.
    """

    measured: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    inputs: dict[str, str] = field(default_factory=dict)
    tested: set[str] = field(default_factory=set)


def run_study(settings: StudySettings, rows: list[Row], pool: Pool, out: Path, toolkit: Toolkit = steps) -> Outcome:
    """Do every row on every seed, or what is left of them.

    Args:
        settings: The study's.
        rows: The rows.
        pool: The people to draw from.
        out: Folder of everything; a step that is done there and whose inputs are unchanged is kept.
        toolkit: The steps.

    Raises:
        PifrError: If there are too few people, or a given generator knows them.
    """
    refuse_taught_people(settings, rows, pool, toolkit)
    given = {name: toolkit.digest_of_generator(run) for name, run in settings.generator_runs.items()}
    outcome = Outcome(inputs={"people": pool.fingerprint(), **given})
    for seed in settings.seeds:
        book = SeedBook(settings, seed, folder_of_seed(out, seed), toolkit)
        outcome.tested |= set(book.open_people(pool).test.subjects)
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


def refuse_taught_people(settings: StudySettings, rows: list[Row], pool: Pool, toolkit: Toolkit = steps) -> None:
    """Refuse given generators that learned from people of B or C of any seed; A are teachers anyway.

    Raises:
        PifrError: If one did, or there are too few people.
    """
    used = {name for row in rows for name in (row.generator, row.frontalised)}
    given = [run for name, run in settings.generator_runs.items() if name in used]
    if not given:
        return
    seen: set[str] = set()
    for seed in settings.seeds:
        drawn = draw_people(pool.trainable(), pool.testable(), settings.people, seed)
        seen |= {*drawn["B"], *drawn["C"]}
    for run in given:
        toolkit.refuse_taught(run, sorted(seen), pool.folders)


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
        self.everybody: list[str] = []

    @property
    def seconds(self) -> float:
        """Seconds of all finished steps."""
        return sum(self.book.seconds_by_stage().values())

    def open_people(self, pool: Pool) -> Parts:
        """Draw A, B and C, or read who was drawn before."""
        settings = self.settings
        self.everybody = sorted(pool.testable())
        depends_on = {
            "people": settings.people, "seed": self.seed, "lights": [settings.train_lights, settings.test_lights],
            "cameras": settings.cameras, "size_px": settings.size_px, "pool": pool.fingerprint(),
        }  # fmt: skip

        def work(folder: Path) -> Path:
            drawn = draw_people(pool.trainable(), pool.testable(), settings.people, self.seed)
            parts = split_people(pool.pictures(drawn), drawn, settings.train_lights, settings.test_lights)
            for name in ("teachers", "singles", "test"):
                getattr(parts, name).save(self._people(name))
            parts.frontal_singles().save(self._people("singles-frontal"))
            return folder

        self.people_key = self._step("people", depends_on, self.out / "people", work).key
        self.parts = Parts(*(read_manifest(self._people(name)) for name in ("teachers", "singles", "test")))
        return self.parts

    def measure(self, row: Row) -> dict[str, Measured]:
        """Return a row's figures, training what it needs."""
        recogniser = self._recogniser(row)
        turned = None if row.frontalised is None else self._generator(row.frontalised, row.a_people)
        settings = self.settings

        def work(folder: Path) -> Path:
            found = self.toolkit.benchmark(
                recogniser.output, self._people("test"), None if turned is None else turned.output,
                self.everybody, settings.bootstrap_rounds, folder, settings.device, row.fused,
            )  # fmt: skip
            return save_measured(self.out / "rows" / row.key, found)

        depends_on: dict[str, Any] = {
            "recogniser": recogniser.key, "generator": None if turned is None else turned.key,
            "people": self.people_key, "rounds": settings.bootstrap_rounds,
            # Says no more than the people's key does; by it, rows whose seed had a draw of its own are measured anew.
            "drawn from": len(self.everybody),
        }  # fmt: skip
        if turned is not None:
            depends_on["turned from degrees"] = FROM_DEGREES
        if row.fused:
            depends_on["fused"] = True
        return read_measured(self._step(f"row {row.key}", depends_on, self.out / "benchmarks" / row.key, work).output)

    def _generator(self, name: str, a_people: int | None) -> StageRecord:
        given = self.settings.generator_runs.get(name)
        if given is not None:
            return StageRecord(f"given {self.toolkit.digest_of_generator(given)}", 0.0, Path(given))
        called = name if a_people is None else f"{name} of {a_people}"
        settings = {**self.settings.generator, "seed": self.seed}

        def work(folder: Path) -> Path:
            people = folder / "people.parquet"
            if not people.exists():  # a resumed run must see the very same table
                self._opened.few_teachers(a_people).save(people)
            return self.toolkit.train_generator(name, people, settings, folder, self.settings.device)

        depends_on = {"people": self.people_key, "a_people": a_people, "settings": settings, "name": name}
        return self._step(f"generator {called}", depends_on, self.out / "generators" / _slug(called), work)

    def _views(self, row: Row) -> StageRecord:
        method = str(row.views)
        generator = None if row.generator is None else self._generator(row.generator, row.a_people)
        whole_a = row.a_people is None or method in self.settings.generator_runs
        called = method if whole_a else f"{method} of {row.a_people}"
        settings = self.settings

        def work(folder: Path) -> Path:
            return self.toolkit.make_views(
                method, self._people("singles-frontal"), None if generator is None else generator.output,
                settings.view_yaws_degrees, settings.sources_per_person, folder, settings.device,
            )  # fmt: skip

        depends_on = {
            "people": self.people_key, "generator": None if generator is None else generator.key, "method": method,
            "yaws": settings.view_yaws_degrees, "sources": settings.sources_per_person,
        }  # fmt: skip
        return self._step(f"views {called}", depends_on, self.out / "views" / _slug(called), work)

    def _recogniser(self, row: Row) -> StageRecord:
        """Train the row's recogniser; rows that differ in the test alone share one."""
        views = None if row.views is None or row.on_the_fly else self._views(row)
        fly = self._generator(row.generator, row.a_people) if row.on_the_fly and row.generator else None
        recipe = {"size_px": self.settings.size_px, **self.settings.recogniser}

        def work(folder: Path) -> Path:
            real = folder / "real.parquet"
            if not real.exists():  # a resumed run must see the very same table
                self._real(row).save(real)
            return self.toolkit.train_recogniser(
                row.trained_as, real, [] if views is None else [views.output], recipe, folder, self.settings.device,
                flips=row.flips, dream=row.dream, on_the_fly=None if fly is None else fly.output, seed=self.seed,
            )  # fmt: skip

        depends_on = {
            "people": self.people_key, "views": None if views is None else views.key,
            "fly": None if fly is None else fly.key, "row": row.recogniser, "recipe": recipe, "seed": self.seed,
        }  # fmt: skip
        folder = self.out / "recognisers" / row.trained_as
        return self._step(f"recogniser {row.trained_as}", depends_on, folder, work)

    def _step(self, name: str, depends_on: object, folder: Path, work: Callable[[Path], Path]) -> StageRecord:
        return run_step(self.book, name, depends_on, folder, work)

    @property
    def _opened(self) -> Parts:
        assert self.parts is not None, "open_people goes first"
        return self.parts

    def _real(self, row: Row) -> Manifest:
        parts = self._opened
        singles = parts.singles if row.true_views else parts.frontal_singles()
        return concatenate([parts.few_teachers(row.a_people), singles]) if row.teachers else singles

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


def _slug(text: str) -> str:
    return text.replace(" ", "-")
