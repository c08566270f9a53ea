"""The whole story: pictures -> generator -> views -> recognisers without and with them -> benchmark -> report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pifr.augment import AugmentResult, augment
from pifr.chain.config import GENERATED, ChainConfig
from pifr.chain.people import frontal, recogniser_pictures
from pifr.chain.stages import StageBook, StageRecord, claim_folder
from pifr.chain.summary import Summary, summarise
from pifr.chain.views import draw_views
from pifr.core.config import check_config
from pifr.core.errors import DataError
from pifr.core.files import write_json
from pifr.core.runs import unfinished_run
from pifr.data.cures import refuse_folder
from pifr.data.manifest import Manifest, read_manifest


@dataclass(frozen=True)
class ChainResult:
    """What a chain made.

    Attributes:
        folder: Everything lies here.
        report: The HTML page.
        summary: Times and the headline figures, as in ``summary.json``.
    """

    folder: Path
    report: Path
    summary: Summary

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return self.summary.to_dict()

    def table(self) -> str:
        """Return rank-1 by |yaw| side by side, as text."""
        return self.summary.table()


def run_chain(config: ChainConfig, out: Path, device: str = "auto") -> ChainResult:
    """Run all stages, or go on where an earlier call stopped.

    Args:
        config: The story.
        out: Its folder. A stage that is done there and whose inputs are unchanged is kept.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        The report and the headline figures.

    Raises:
        PifrError: From whichever stage can't be done; finished stages stay.
    """
    out = Path(out)
    fingerprint = _fingerprint(config.pictures.manifest)
    claim_folder(out, config.name)
    config.save(out / "config.yaml")
    book = StageBook(out)
    pictures = _prepare_pictures(config, out, book, fingerprint)
    generator = _train_generator(config, out, book, pictures, device)
    views = _make_views(config, out, book, pictures, generator, device) if GENERATED in config.systems else None
    recognisers = {
        system: _train_recogniser(config, system, out, book, pictures, views, device) for system in config.systems
    }
    benchmark = _benchmark(config, out, book, pictures, recognisers, device)
    return _report(config, out, book, pictures, generator, benchmark, device)


def _fingerprint(manifest: str | None) -> str | None:
    """Return the digest of the pictures on disk; called before anything is written, since recipes ship without them.

    Raises:
        DataError: If the manifest or a picture is not there.
    """
    if manifest is None:
        return None
    path = Path(manifest)
    refuse_folder(path)
    if not path.is_file():
        raise DataError(
            "the pictures of this chain are not there", where=path,
            cure=f"get these pictures, then name their manifest with --set pictures.manifest=YOUR/{path.name}",
        )  # fmt: skip
    return read_manifest(path).fingerprint()


def _prepare_pictures(config: ChainConfig, out: Path, book: StageBook, fingerprint: str | None) -> StageRecord:
    """Fetch or render the pictures, align them, split them by person."""

    def work(previous: Path | None) -> Path:
        from pifr.data.align import align_manifest
        from pifr.data.split import split_by_person

        data = _source_pictures(config, out)
        if config.pictures.template is not None:
            # Another split leaves them as they are, so it does not count.
            folder = _folder_of(out / "pictures", book.key_of(depends_on | {"split": None}))
            aligned = align_manifest(data, config.pictures.template, folder, config.pictures.size_px)
            data = aligned.manifest
        path = out / "people.csv"
        split_by_person(data, config.split.parts, config.split.seed).save(path)
        return path

    depends_on: dict[str, Any] = {"pictures": config.pictures.model_dump(), "split": config.split.model_dump()}
    if fingerprint is not None:
        depends_on["fingerprint"] = fingerprint
    return book.run("pictures", depends_on, work)


def _source_pictures(config: ChainConfig, out: Path) -> Manifest:
    if config.pictures.manifest is not None:
        return read_manifest(config.pictures.manifest)
    from pifr.twin import TwinConfig, render_twin
    from pifr.twin.dataset import identity_of

    twin = check_config(TwinConfig, dict(config.pictures.twin or {}), "pictures.twin")
    folder = _folder_of(out / "twin", StageBook.key_of(identity_of(twin)))
    return render_twin(twin, folder, workers=os.cpu_count() or 1)


def _train_generator(
    config: ChainConfig, out: Path, book: StageBook, pictures: StageRecord, device: str
) -> StageRecord:
    """Train IP-GAN on the people whose many views teach it."""
    import ipgan

    data = {**config.ipgan.get("data", {}), "manifest": str(pictures.output), "split": config.split.generator_part}
    settings = check_config(ipgan.TrainConfig, {**config.ipgan, "name": config.name, "data": data}, "ipgan")

    depends_on = {"pictures": pictures.key, "ipgan": settings.model_dump(mode="json")}
    runs = _folder_of(out / "runs" / "ipgan", book.key_of(depends_on))

    def work(previous: Path | None) -> Path:
        book.note_output("ipgan", runs)
        return ipgan.train(settings, runs, resume=unfinished_run(runs, settings), device=device).run.path

    return book.run("ipgan", depends_on, work)


def _folder_of(folder: Path, key: str) -> Path:
    """Return where what is made of these inputs lies, apart from what was made of others in the same chain.

    Runs of other pictures under one path have the same recipe; folders of pictures and views refuse other contents.
    """
    return folder / key[:8]


def _make_views(
    config: ChainConfig, out: Path, book: StageBook, pictures: StageRecord, generator: StageRecord, device: str
) -> StageRecord:
    """Turn the training people's frontal pictures."""

    def work(previous: Path | None) -> Path:
        from ipgan import Rotator

        people = read_manifest(pictures.output).of_split("train")
        # The recogniser has frontal pictures alone, so the true views must not count as there.
        people = people.select(frontal(people, config.max_frontal_yaw_degrees))
        rotator = Rotator.load(generator.output, device)
        # The weights count by themselves: a deleted run is trained anew, on a GPU not to the very same ones.
        folder = _folder_of(out / "views", book.key_of(depends_on | {"weights": rotator.sha256}))
        made: AugmentResult = augment(people, rotator, folder, config.augment)
        return made.accepted_path

    depends_on: dict[str, Any] = {
        "generator": generator.key,
        "augment": config.augment.model_dump(mode="json"),
        "max_frontal_yaw_degrees": config.max_frontal_yaw_degrees,
    }
    return book.run("augment", depends_on, work)


def _train_recogniser(
    config: ChainConfig,
    system: str,
    out: Path,
    book: StageBook,
    pictures: StageRecord,
    views: StageRecord | None,
    device: str,
) -> StageRecord:
    """Train one system's recogniser; systems differ in their pictures alone."""
    from pifr.recognition import RecognizerConfig, train_recognizer

    slug = system.replace(" ", "-")
    chosen = out / f"recogniser-{slug}.csv"
    extra = [str(views.output)] if views is not None and system == GENERATED else []
    data = {"manifest": str(chosen), "extra": extra, "train_split": "train", "validation_split": "val"}
    settings = check_config(RecognizerConfig, {**config.recognizer, "name": slug, "data": data}, "recognizer")
    stage = f"recogniser {system}"
    depends_on = {
        "pictures": pictures.key,
        "views": views.key if extra and views is not None else None,
        "recognizer": settings.model_dump(mode="json"),
        "max_frontal_yaw_degrees": config.max_frontal_yaw_degrees,
    }
    runs = _folder_of(out / "runs" / slug, book.key_of(depends_on))

    def work(previous: Path | None) -> Path:
        people = recogniser_pictures(read_manifest(pictures.output), system, config.max_frontal_yaw_degrees)
        if previous is None:  # written once, since a resumed run must see the very same table
            people.save(chosen)
        book.note_output(stage, runs)
        return train_recognizer(settings, runs, resume=unfinished_run(runs, settings), device=device).run.path

    return book.run(stage, depends_on, work)


def _benchmark(
    config: ChainConfig,
    out: Path,
    book: StageBook,
    pictures: StageRecord,
    recognisers: Mapping[str, StageRecord],
    device: str,
) -> StageRecord:
    """Measure all recognisers on the test people."""

    def work(previous: Path | None) -> Path:
        from pifr.evaluation import evaluate
        from pifr.evaluation.measure import Measure

        evaluate(
            read_manifest(pictures.output).of_split("test"),
            [str(record.output) for record in recognisers.values()],
            "posegrid",
            out / "benchmark",
            names=list(recognisers),
            measure=Measure(rounds=config.bootstrap_rounds),
            device=device,
        )
        return out / "benchmark"

    depends_on = {
        "pictures": pictures.key,
        "recognisers": {name: record.key for name, record in recognisers.items()},
        "rounds": config.bootstrap_rounds,
    }
    return book.run("benchmark", depends_on, work)


def _report(
    config: ChainConfig,
    out: Path,
    book: StageBook,
    pictures: StageRecord,
    generator: StageRecord,
    benchmark: StageRecord,
    device: str,
) -> ChainResult:
    """Draw the grid, write the page and the summary. Always done anew: it is cheap and tells the newest times."""
    from ipgan import Rotator
    from pifr.evaluation import read_result
    from pifr.report import write_report

    result = read_result(benchmark.output)
    people = read_manifest(pictures.output)
    grid = draw_views(people.of_split("test"), Rotator.load(generator.output, device), out / "views.png", config)
    summary = summarise(config.name, result, book.seconds_by_stage(), out / "report.html")
    caption = (
        "People the generator never saw. Left: the one photograph it is given. Upper rows: the views it makes. "
        "Lower rows: the true photographs."
    )
    write_report(result, summary.report, [(caption, grid)], summary.rows(), title=f"{config.name}: recognition by pose")
    write_json(out / "summary.json", summary.to_dict())
    return ChainResult(out, summary.report, summary)
