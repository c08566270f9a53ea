"""The London splits: every system on every split, each step once, whatever was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.study import london_steps
from benchmarks.study.gaps import Measured
from benchmarks.study.london_settings import (
    LondonSettings,
    Source,
    System,
    generator_recipe,
    recogniser_recipe,
    view_recipe,
)
from benchmarks.study.stepping import run_step
from benchmarks.study.study import read_measured, save_measured
from pifr.augment.frontalise import FROM_DEGREES
from pifr.chain.stages import StageBook, StageRecord
from pifr.core.errors import ConfigError
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.split import split_by_person

PARTS = ("train", "frontal", "test")
FRAMED, TIGHT = "framed", "tight"


class Toolkit(Protocol):
    """The steps of :mod:`benchmarks.study.london_steps`; a test hands in others."""

    digest_of_generator: Any
    frame: Any
    tighten: Any
    train_generator: Any
    make_views: Any
    train_recogniser: Any
    benchmark: Any


@dataclass
class Outcome:
    """What was found so far.

    Attributes:
        measured: System -> figure -> one entry a split, in the order of the splits.
        splits: The splits that are done.
        tested: Split -> its test people.
        people: Everybody of the set, sorted.
        seconds: All steps of all done splits together.
        inputs: Digests of the set, and of the twin's generator and pictures where they are used.
    """

    people: list[str]
    measured: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    splits: list[int] = field(default_factory=list)
    tested: dict[int, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    inputs: dict[str, str] = field(default_factory=dict)


def run_splits(
    settings: LondonSettings, systems: list[System], out: Path, toolkit: Toolkit = london_steps
) -> Iterator[Outcome]:
    """Do every system on every split, or what is left of them; yields what was found after each split.

    Args:
        settings: The study's.
        systems: The systems.
        out: Folder of everything; a step that is done there and whose inputs are unchanged is kept.
        toolkit: The steps.

    Raises:
        ConfigError: If rendered pictures are needed and none are named.
    """
    used = set[Source]().union(*(system.sources for system in systems))
    if used & {"both", "adapted"} and settings.twin is None:
        raise ConfigError(
            "the systems both and adapted need rendered pictures", where="--twin",
            cure="name a manifest of pifr data twin --size 64, or leave them out of --systems",
        )  # fmt: skip
    out = Path(out).resolve()
    book = StageBook(out)
    london = Path(settings.london).resolve()
    fingerprint = read_manifest(london).fingerprint()
    inputs = {"london": fingerprint}
    if used - {"own"}:
        inputs["start"] = toolkit.digest_of_generator(settings.start)
    if used & {"both", "adapted"}:
        inputs["twin"] = read_manifest(str(settings.twin)).fingerprint()
    framed = run_step(
        book, "frame", {"london": fingerprint, "boxes": london_steps.boxes(london_steps.TWIN_FRAME)}, out / FRAMED,
        lambda to: toolkit.frame(london, to),
    )  # fmt: skip
    tight = run_step(
        book, "tighten", {"framed": framed.key, "boxes": london_steps.boxes(london_steps.TIGHT)}, out / TIGHT,
        lambda to: toolkit.tighten(framed.output, to),
    )  # fmt: skip
    outcome = Outcome(read_manifest(framed.output).subjects, inputs=inputs)
    common = sum(book.seconds_by_stage().values())
    for split in settings.splits:
        splits = SplitBook(settings, split, out / f"split{split}", toolkit, inputs)
        splits.open_people(framed, tight)
        found = {system.key: splits.measure(system, outcome.people) for system in systems}
        for key, figures in found.items():
            for figure, measured in figures.items():
                outcome.measured.setdefault(key, {}).setdefault(figure, []).append(measured)
        outcome.splits.append(split)
        outcome.tested[split] = read_manifest(splits.pictures(TIGHT, "test")).subjects
        common += splits.seconds
        outcome.seconds = common
        yield outcome


class SplitBook:
    """One split: its people, and the steps made of them.

    Args:
        settings: The study's.
        split: Seed of people and training.
        out: Folder of this split.
        toolkit: The steps.
        inputs: Digests of what is given.
    """

    def __init__(
        self, settings: LondonSettings, split: int, out: Path, toolkit: Toolkit, inputs: dict[str, str]
    ) -> None:  # fmt: skip
        self.settings, self.split, self.out, self.toolkit, self.inputs = settings, split, out, toolkit, inputs
        self.book = StageBook(out)
        self.people_key = ""

    @property
    def seconds(self) -> float:
        """Seconds of all finished steps."""
        return sum(self.book.seconds_by_stage().values())

    def pictures(self, crop: str, part: str) -> Path:
        """Return the manifest of a part, framed as the generators or as the recognisers see it."""
        return self.out / "people" / f"{crop}-{part}.parquet"

    def open_people(self, framed: StageRecord, tight: StageRecord) -> None:
        """Draw who trains and who is tested, or read who was drawn before."""
        parts = self.settings.parts

        def work(folder: Path) -> Path:
            for crop, record in ((FRAMED, framed), (TIGHT, tight)):
                everybody = split_by_person(read_manifest(record.output), parts, self.split)
                train = everybody.of_split("train")
                found = (train, london_steps.frontal(train), everybody.of_split("test"))
                for part, manifest in zip(PARTS, found, strict=True):
                    manifest.save(self.pictures(crop, part))
            return folder

        depends_on = {"framed": framed.key, "tight": tight.key, "parts": parts, "split": self.split}
        self.people_key = self._step("people", depends_on, self.out / "people", work).key

    def measure(self, system: System, people: list[str]) -> dict[str, Measured]:
        """Return a system's figures, training what it needs."""
        recogniser = self._recogniser(system)
        settings = self.settings
        depends_on: dict[str, Any] = {
            "recogniser": recogniser.key, "rounds": settings.bootstrap_rounds, "people": people
        }  # fmt: skip
        crop, turned_by = TIGHT, None
        if system.probes is not None:
            generator = self._generator(system.probes)
            crop, turned_by = FRAMED, generator.output  # a generator's frame is wider than what recognisers see
            depends_on |= {"turned by": generator.key, "turned from degrees": FROM_DEGREES}
        if system.fused:
            depends_on["fused"] = True

        def work(folder: Path) -> Path:
            found = self.toolkit.benchmark(
                recogniser.output, self.pictures(crop, "test"), people, settings.bootstrap_rounds, folder,
                settings.device, turned_by, system.fused,
            )  # fmt: skip
            return save_measured(self.out / "rows" / system.key, found)

        folder = self.out / "benchmarks" / system.key
        return read_measured(self._step(f"row {system.key}", depends_on, folder, work).output)

    def _generator(self, source: Source) -> StageRecord:
        """Return the twin's generator, or train one."""
        settings = self.settings
        if source == "twin":
            return StageRecord(f"given {self.inputs['start']}", 0.0, Path(settings.start))
        recipe = {**generator_recipe(source, settings), "seed": self.split}

        def work(folder: Path) -> Path:
            people = folder / "people.parquet"
            if not people.exists():  # a resumed run must see the very same table
                self._teachers(source).save(people)
            given = recipe
            if source == "adapted":
                unlabelled = folder / "unlabelled.parquet"
                if not unlabelled.exists():
                    london_steps.without_labels(self._real()).save(unlabelled)
                given = {**recipe, "data": {"unlabelled": str(unlabelled)}}
            return self.toolkit.train_generator("ipgan", people, given, folder, settings.device)

        depends_on: dict[str, Any] = {"people": self.people_key, "recipe": recipe}
        if source != "own":
            depends_on |= {"start": self.inputs["start"], "twin": self.inputs["twin"]}
            depends_on["twin_people"] = settings.twin_people
        return self._step(f"generator {source}", depends_on, self.out / "generators" / source, work)

    def _real(self) -> Manifest:
        return read_manifest(self.pictures(FRAMED, "train"))

    def _teachers(self, source: Source) -> Manifest:
        """Return the pictures whose people are known: real ones, rendered ones, or as many of both."""
        settings = self.settings
        if source == "own":
            return self._real()
        twin = str(settings.twin)
        if source == "both":
            return london_steps.beside_rendered(self._real(), twin, settings.parts["train"], self.split)
        return london_steps.rendered_people(twin, settings.twin_people, self.split)

    def _views(self, source: Source) -> StageRecord:
        generator = self._generator(source)
        yaws, sources = view_recipe()
        settings = self.settings

        def work(folder: Path) -> Path:
            made = self.toolkit.make_views(
                "ipgan", self.pictures(FRAMED, "frontal"), generator.output, yaws, sources, folder / "made",
                settings.device,
            )  # fmt: skip
            return self.toolkit.tighten(made, folder / TIGHT)

        depends_on = {"people": self.people_key, "generator": generator.key, "yaws": yaws, "sources": sources}
        return self._step(f"views {source}", depends_on, self.out / "views" / source, work)

    def _recogniser(self, system: System) -> StageRecord:
        """Train the system's recogniser; systems differ in their pictures alone."""
        name = system.recogniser_of or system.key
        views = None if system.generator is None else self._views(system.generator)
        recipe = recogniser_recipe(self.settings)
        real = self.pictures(TIGHT, "train" if system.true_views else "frontal")

        def work(folder: Path) -> Path:
            return self.toolkit.train_recogniser(
                name, real, [] if views is None else [views.output], recipe, folder, self.settings.device,
                seed=self.split,
            )  # fmt: skip

        depends_on = {
            "people": self.people_key, "views": None if views is None else views.key, "recipe": recipe,
            "true_views": system.true_views, "seed": self.split,
        }  # fmt: skip
        return self._step(f"recogniser {name}", depends_on, self.out / "recognisers" / name, work)

    def _step(self, name: str, depends_on: object, folder: Path, work: Callable[[Path], Path]) -> StageRecord:
        return run_step(self.book, name, depends_on, folder, work)
