"""One function a step: generator, views, recogniser, benchmark. Here alone the study depends on the toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.study.gaps import Measured
from benchmarks.study.measuring import figures_by_yaw
from pifr.core.config import check_config
from pifr.core.errors import DataError, DependencyError, PifrError
from pifr.core.progress import say
from pifr.core.runs import unfinished_run
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.seen import known_people, some_names

FAR = 1e-3
RANK1, TAR = "rank1", f"tar_at_far_{FAR:g}"
FIGURES = (RANK1, TAR)
SIDE_DEGREES = 90.0


class MissingPieceError(PifrError):
    """A row needs a part of the toolkit that this installation lacks; the row is skipped, and the report says so."""


def digest_of_generator(given: str) -> str:
    """Return the digest of given weights: other weights under the same name make other views.

    Raises:
        CheckpointError: If there are none.
    """
    from ipgan.stored import read_stored

    return read_stored(given).sha256


def refuse_taught(given: str, people: Sequence[str], folders: Sequence[str]) -> None:
    """Refuse given weights that learned from people whose views they would make or turn: these would be too good.

    Args:
        given: The weights.
        people: People of B and C.
        folders: Of the data set they belong to; names of other data sets are said, not refused.

    Raises:
        DataError: If the weights tell that they learned from one of them.
        CheckpointError: If there are none.
    """
    from ipgan.stored import read_stored

    known, the_same = known_people(read_stored(given), people, folders)
    if known and the_same:
        raise DataError(
            f"this generator was trained on {len(known)} of the {len(set(people))} people of B and C",
            where=f"--generator {given}", found=some_names(known),
            cure="leave its teachers out of --twin, or let the study train its own",
        )  # fmt: skip
    if known:
        say(f"{given}: {len(known)} people of its training data, another set, are named as in B and C")


def train_generator(name: str, people: Path, settings: Mapping[str, Any], runs: Path, device: str) -> Path:
    """Train a generator on people with many views, or go on with an unfinished training.

    Args:
        name: ipgan, drgan or crgan.
        people: Manifest of the teachers.
        settings: Of ``ipgan train``, less its manifest.
        runs: Folder of the run.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        The run folder.
    """
    import ipgan

    if name != "ipgan":
        settings = {**settings, "generator": name}
    data = {**settings.get("data", {}), "manifest": str(people), "split": None}
    config = check_config(ipgan.TrainConfig, {**settings, "name": name, "data": data}, name)
    return ipgan.train(config, runs, resume=unfinished_run(runs, config), device=device).run.path


def make_views(
    method: str, people: Path, generator: Path | None, yaws_degrees: Sequence[float], sources: int, out: Path,
    device: str,
) -> Path:  # fmt: skip
    """Turn frontal pictures to every yaw.

    Args:
        method: A generator, or headmodel.
        people: Manifest of the pictures.
        generator: Its run folder; None for headmodel.
        yaws_degrees: Views of each source.
        sources: Pictures of each person to turn.
        out: Folder of the views.
        device: auto, cpu, cuda or cuda:N.

    Returns:
        The manifest of the views.

    Raises:
        MissingPieceError: If the method is not in this installation.
    """
    from pifr.augment import AugmentConfig, augment
    from pifr.augment.config import AcceptanceConfig

    data = read_manifest(people)
    # No checks: every method gives each person the same views, and the recogniser is the judge.
    unchecked = AcceptanceConfig(
        fmr=None, min_identity_cosine=None, max_yaw_error_degrees=None, min_sharpness=None, min_difference=None,
        retries=0,
    )  # fmt: skip
    engine: Any
    if generator is None:
        engine = _other_method(method, data, device)
    else:
        from ipgan import Rotator

        engine = Rotator.load(generator, device)
        yaws_degrees = reachable_yaws(yaws_degrees, _range_degrees(engine))
    config = AugmentConfig(
        yaws_degrees=tuple(yaws_degrees), sources_per_person=sources, count_real=False, acceptance=unchecked
    )
    return augment(data, engine, out, config).accepted_path


def reachable_yaws(yaws_degrees: Sequence[float], reach: tuple[float, float] | None) -> list[float]:
    """Return yaws no farther than a generator learned; those beyond become the end of what it learned.

    A camera at 90 degrees sees a head that looks a little aside at less, so with few teachers the range may end short.

    Args:
        yaws_degrees: Yaws wanted.
        reach: Least and greatest yaw learned; None where it knows no degrees.
    """
    if reach is None:
        return list(yaws_degrees)
    return list(dict.fromkeys(min(max(yaw, reach[0]), reach[1]) for yaw in yaws_degrees))


def _range_degrees(generator: Any) -> tuple[float, float] | None:
    """Return what a generator, loaded or stored, learned to reach."""
    return None if generator.pose_map is None else generator.pose_map.range_degrees


def _other_method(name: str, data: Manifest, device: str) -> Any:
    """Open a way of making views that needs no training."""
    from pifr.augment import open_method
    from pifr.data.pictures import read_picture
    from pifr.data.spec import InputSpec

    size_px = read_picture(data.paths[0]).shape[0]
    try:
        return open_method(name, None, device, InputSpec(size_px=size_px, template=data.template))
    except DependencyError as error:
        raise MissingPieceError(f"the method {name} is not here", found=error) from error


def train_recogniser(
    name: str, real: Path, views: Sequence[Path], settings: Mapping[str, Any], runs: Path, device: str, *,
    flips: bool = True, dream: bool = False, on_the_fly: Path | None = None, seed: int = 0,
) -> Path:  # fmt: skip
    """Train one recogniser; its last checkpoint counts, so no multi-view people choose it.

    Args:
        name: Of the run.
        real: Manifest of real pictures.
        views: Manifests of generated ones.
        settings: Of ``pifr train-recognizer``, the same for all rows.
        runs: Folder of the run.
        device: auto, cpu, cuda or cuda:N.
        flips: Whether pictures are mirrored at random.
        dream: Whether the backbone has a DREAM block.
        on_the_fly: Generator that makes the views inside the step.
        seed: Of weights and batches.

    Returns:
        The run folder.
    """
    from pifr.recognition import RecognizerConfig, train_recognizer

    values: dict[str, Any] = {**settings, "name": name, "seed": seed}
    values["data"] = {"manifest": str(real), "extra": [str(each) for each in views], "train_split": None,
                      "validation_split": None}  # fmt: skip
    values["transforms"] = {**settings.get("transforms", {}), "flip": 0.5 if flips else 0.0}
    if dream:
        values["backbone"] = {**settings.get("backbone", {}), "dream": {}}
    if on_the_fly is not None:
        values["on_the_fly"] = {"generator": str(on_the_fly), **_largest_turn(on_the_fly)}
    config = check_config(RecognizerConfig, values, name)
    return train_recognizer(config, runs, resume=unfinished_run(runs, config), device=device).run.path


def _largest_turn(generator: Path) -> dict[str, float]:
    """Return how far to either side views on the fly may turn, where that is less than all the way."""
    from ipgan.stored import read_stored

    reach = _range_degrees(read_stored(generator))
    most = SIDE_DEGREES if reach is None else min(-reach[0], reach[1])
    return {"largest_yaw_degrees": most} if most < SIDE_DEGREES else {}


def benchmark(
    run: Path, test: Path, frontalised_by: Path | None, people: Sequence[str], rounds: int, out: Path, device: str,
    fuse: bool = False,
) -> dict[str, Measured]:  # fmt: skip
    """Measure a recogniser on the test people: figure -> its rates by absolute yaw and in every bootstrap round.

    Args:
        run: The recogniser's run folder.
        test: Manifest of the test people.
        frontalised_by: Generator that turns probes to the front; None for none.
        people: Everybody who could be tested, sorted; a round draws from all of them.
        rounds: Bootstrap rounds.
        out: Folder of the benchmark.
        device: auto, cpu, cuda or cuda:N.
        fuse: Add the embedding of a turned probe as it is.
    """
    from pifr.recognition import load_embedder

    embedder: Any = load_embedder(str(run), device)
    if frontalised_by is not None:
        from ipgan import Rotator
        from pifr.augment.frontalise import FrontalisedEmbedder

        embedder = FrontalisedEmbedder(embedder, Rotator.load(frontalised_by, device), fuse=fuse)
    tested, found = figures_by_yaw(embedder, test, people, rounds, (FAR,), out, device)
    rates: dict[str, dict[str, float]] = {figure: {} for figure in FIGURES}
    drawn: dict[str, dict[str, Any]] = {figure: {} for figure in FIGURES}
    for yaw, figures in found.items():
        if 1 in figures.rank:
            rates[RANK1][yaw], drawn[RANK1][yaw] = figures.rank[1], figures.rank_interval[1].rounds
        if figures.tar and not figures.tar[0].too_few:
            rates[TAR][yaw], drawn[TAR][yaw] = figures.tar[0].tar, figures.tar_interval[FAR].rounds
    return {figure: Measured(tested, rates[figure], drawn[figure]) for figure in FIGURES}
