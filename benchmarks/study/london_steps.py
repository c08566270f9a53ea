"""The steps of the London splits that the pose-gap study does not have; others come from ``benchmarks.study.steps``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.study.gaps import Measured
from benchmarks.study.measuring import figures_by_yaw
from benchmarks.study.people import is_frontal
from benchmarks.study.steps import RANK1, digest_of_generator, make_views, train_generator, train_recogniser
from pifr.augment.frontalise import FrontalisedEmbedder
from pifr.core.errors import DataError
from pifr.core.seeds import derive_seed
from pifr.data.geometry import warp
from pifr.data.manifest import Manifest, concatenate, read_manifest
from pifr.data.spec import InputSpec
from pifr.data.templates import Face, parse_template

__all__ = ["digest_of_generator", "make_views", "train_generator", "train_recogniser"]

EER = "eer"
FIGURES = (RANK1, EER)
TWIN_FRAME = "crops:london-twin"
TIGHT = f"crops:{Path(__file__).with_name('london_tight.yaml')}"
SIZE_PX = 64
_UNKNOWN = "unknown"


def boxes(template: str) -> str:
    """Return what a template says, not what it is called: a step that cuts by it is done anew when that changes."""
    return repr(parse_template(template))


def frame(london: Path, out: Path) -> Path:
    """Cut the London pictures as the twin's are framed; return their manifest."""
    from pifr.data.align import align_manifest

    made = align_manifest(read_manifest(london, ["yaw"]), TWIN_FRAME, out, SIZE_PX).manifest
    # Nominal, as the yaw is: all five cameras stand at the height of the eyes. Without it a pose map that is learned
    # beside rendered people, whose pitch is known, would leave the photographs out.
    path = out / "framed.parquet"
    replace(made, table=made.table.assign(pitch=0.0)).save(path)
    return path


def tighten(pictures: Path, out: Path) -> Path:
    """Cut framed pictures, real or generated, to what the recognisers see; return their manifest.

    All go through the same 64 px first, so no system has sharper pictures than another.
    """
    from pifr.data.align import align_manifest

    align_manifest(read_manifest(pictures, ["yaw"]), TIGHT, out, SIZE_PX)
    return out / "manifest.csv"


def beside_rendered(real: Manifest, twin: Path | str, people: int, seed: int) -> Manifest:
    """Return labelled photographs and as many rendered people as asked for, in one table."""
    rendered = rendered_people(twin, people, seed)
    renamed = rendered.table.assign(subject="twin-" + rendered.table["subject"])  # both sets number their people
    return concatenate([real, replace(rendered, table=renamed)])


def rendered_people(twin: Path | str, people: int, seed: int) -> Manifest:
    """Draw people of the twin; the order of rows does not matter.

    Raises:
        DataError: If there are too few.
    """
    pool = read_manifest(twin, ["yaw"])
    if len(pool.subjects) < people:
        raise DataError(f"{people} rendered people are wanted", where=twin, found=len(pool.subjects))
    drawn = sorted(pool.subjects, key=lambda name: (derive_seed(seed, "london", name), name))[:people]
    return pool.select(pool.table["subject"].isin(drawn))


def without_labels(real: Manifest) -> Manifest:
    """Return pictures of which nothing is known: no person, no pose, no sitting."""
    table = real.table[["path", "template"]].assign(subject=_UNKNOWN)
    return replace(real, table=table.sort_values("path", ignore_index=True), origin=None)


def frontal(real: Manifest) -> Manifest:
    """Return the frontal pictures."""
    return real.select(is_frontal(real))


class FrontalCrop:
    """A recogniser of tight pictures that takes framed ones of frontal faces, as a generator draws them.

    Args:
        recogniser: The recogniser.
        spec: What the framed pictures look like.
    """

    def __init__(self, recogniser: Any, spec: InputSpec) -> None:
        self.recogniser, self.spec, self.name = recogniser, spec, recogniser.name
        self.training_people, self.training_folders = recogniser.training_people, recogniser.training_folders
        unknown = np.full((5, 2), np.nan)
        face = Face(unknown, 0.0, (spec.size_px, spec.size_px), float("nan"), recogniser.name)
        self._matrix = parse_template(TIGHT).matrix(face, SIZE_PX)
        self.sha256 = sha256(f"{recogniser.sha256} {self._matrix.tolist()} {SIZE_PX}".encode()).hexdigest()

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Cut framed ``(N, S, S, 3)`` uint8 pictures as :func:`tighten` does at 0 degrees and embed them ``(N, D)``."""
        return self.recogniser(np.stack([warp(picture, self._matrix, SIZE_PX) for picture in pixels]))


def benchmark(
    run: Path, test: Path, people: Sequence[str], rounds: int, out: Path, device: str, turned_by: Path | None = None,
    fuse: bool = False,
) -> dict[str, Measured]:  # fmt: skip
    """Measure a recogniser on a split's test people: rank-1 and EER by absolute yaw and in every bootstrap round.

    Args:
        run: The recogniser's run folder.
        test: Manifest of the split's test people; tight pictures, or framed ones where their probes are turned.
        people: Everybody of the set, sorted; a round draws from all of them.
        rounds: Bootstrap rounds.
        out: Folder of the benchmark.
        device: auto, cpu, cuda or cuda:N.
        turned_by: Generator that turns probes to the front; None for none.
        fuse: Add the embedding of a turned probe as it is, cut like a frontal face.
    """
    from pifr.recognition import load_embedder

    embedder: Any = load_embedder(str(run), device)
    if turned_by is not None:
        from ipgan import Rotator

        rotator = Rotator.load(turned_by, device)
        embedder = FrontalisedEmbedder(FrontalCrop(embedder, rotator.spec), rotator, fuse=fuse)
    tested, found = figures_by_yaw(embedder, test, people, rounds, (), out, device)
    rates = {RANK1: {yaw: each.rank[1] for yaw, each in found.items()},
             EER: {yaw: each.eer for yaw, each in found.items()}}  # fmt: skip
    drawn: dict[str, dict[str, np.ndarray]] = {RANK1: {}, EER: {}}
    for yaw, each in found.items():
        drawn[RANK1][yaw] = each.rank_interval[1].rounds
        if each.eer_interval is not None:
            drawn[EER][yaw] = each.eer_interval.rounds
    return {figure: Measured(tested, rates[figure], drawn[figure]) for figure in FIGURES}
