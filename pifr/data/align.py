"""Cutting faces out: every picture becomes one square in which the face lies where a template wants it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError
from pifr.core.files import names_within, open_journal, read_json, write_json
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar, say
from pifr.data.aligned_sources import JOURNAL, Cut, read_cuts
from pifr.data.geometry import transform_points, warp
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, make_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.sources import Source, look_at, still_the_same
from pifr.data.templates import Face, FivePoints, Template, id_in_manifests, parse_template

_CHUNK = 64


@dataclass(frozen=True)
class AlignmentResult:
    """Aligned pictures and how they came about.

    Attributes:
        manifest: The new pictures; ``template`` names the alignment, ``aligned_by`` is ``landmarks`` or ``crop``.
        done_before: Pictures that an earlier call had finished, cut from sources that have not changed since.
        dropped: Pictures left out for want of landmarks.
    """

    manifest: Manifest
    done_before: int
    dropped: int

    def to_dict(self) -> dict[str, Any]:
        """Return counts, JSON-ready."""
        methods = {str(method): int(count) for method, count in Counter(self.manifest.table["aligned_by"]).items()}
        return {"template": self.manifest.template, "pictures": len(self.manifest), "aligned_by": methods,
                "done_before": self.done_before, "dropped": self.dropped}  # fmt: skip


@dataclass(frozen=True)
class Search:
    """Where landmarks were looked for.

    Attributes:
        manifest: The pictures before that.
        detector: Name of what looked.
    """

    manifest: Manifest
    detector: str


@dataclass(frozen=True)
class _Job:
    """One picture to align."""

    row: int
    source: Path
    target: Path
    face: Face
    rule: Template


def align_manifest(
    manifest: Manifest, template: str, out: Path, size_px: int = 112, without_landmarks: str = "error",
    search: Search | None = None,
) -> AlignmentResult:  # fmt: skip
    """Align all pictures and write them and ``manifest.csv`` to ``out``.

    Pictures are PNG files written whole, so a call that broke off goes on where it stopped. What each was cut from is
    noted beside them, and a picture that has changed since is aligned anew. Where landmarks and crops are mixed, the
    template id of all pictures names both, for example ``arcface-112/crop:40,60,150``.

    Args:
        manifest: Pictures of any size.
        template: Template id, see :mod:`pifr.data.templates`.
        out: New folder, or that of a broken-off call with the same arguments.
        size_px: Side of the squares.
        without_landmarks: For ``arcface-112``: ``error``, ``drop``, or the crop template for pictures without all
            five points, such as profiles that show one eye.
        search: Names the search, where landmarks come from one: its findings change with the pictures, so ``out`` is
            that of a call with the same pictures and detector, whatever was found in them then.

    Returns:
        The aligned set. Landmarks are carried into the new pictures.

    Raises:
        ConfigError: If a template is unknown or the size too small.
        DataError: If a picture can't be read or placed (file and row are named), or ``out`` holds another alignment.
        Interrupted: If the user stopped it; the finished pictures stay.
    """
    if size_px < 8:
        raise ConfigError("the size must be at least 8 pixels", found=size_px)
    rules = _rule_per_row(manifest, parse_template(template), without_landmarks)
    known = sorted((rule for rule in rules if rule), key=lambda rule: rule.id.startswith("crop"))
    template_id = "/".join(dict.fromkeys(id_in_manifests(rule, size_px) for rule in known))
    out = Path(out)
    stems, passed_over = _stems(manifest, rules)
    pictures = _digest(manifest, rules, stems if passed_over else None)
    recipe = {"template": template_id, "size_px": size_px, "pictures": pictures}
    if search is None:
        _claim_folder(out, recipe)
    else:
        # Older versions marked the folder by what was found: it is gone on with while that is found still.
        _claim_folder(out, _recipe_of_search(search, template, size_px, without_landmarks), recipe)
    jobs = _jobs(manifest, rules, [out / f"{stem}.png" for stem in stems])
    landmarks, done_before = _run(jobs, size_px, out, f"aligning to {template_id}")

    table = manifest.table.iloc[[job.row for job in jobs]].reset_index(drop=True)
    table["path"] = [job.target.relative_to(out).as_posix() for job in jobs]
    if np.isfinite(landmarks).any():
        table[list(LANDMARK_COLUMNS)] = landmarks.reshape(len(jobs), -1).round(3)
    table["template"] = template_id
    table["aligned_by"] = ["landmarks" if isinstance(job.rule, FivePoints) else "crop" for job in jobs]
    saved = make_manifest(table, out, str(out / "manifest.csv")).save(out / "manifest.csv")
    return AlignmentResult(saved, done_before, dropped=len(manifest) - len(jobs))


def _rule_per_row(manifest: Manifest, rule: Template, without_landmarks: str) -> list[Template | None]:
    """Return the template of every row, None for a picture to leave out."""
    if not isinstance(rule, FivePoints):
        return [rule] * len(manifest)
    known = np.isfinite(manifest.landmarks).all(axis=(1, 2))
    if without_landmarks == "error" and not known.all():
        row = int(np.flatnonzero(~known)[0])
        raise DataError(
            f"{(~known).sum()} of {len(known)} pictures lack some of the five landmarks, this one first",
            where=f"{manifest.place(row)}: {manifest.table['path'][row]}",
            cure="choose --without-landmarks drop, crop, crop:X,Y,SIDE or crops:NAME",
        )
    fallback = _fallback(without_landmarks)
    if isinstance(fallback, FivePoints):
        raise ConfigError("pictures without landmarks can't be aligned by landmarks", where="--without-landmarks",
                          found=repr(without_landmarks), cure="use crop, drop or error")  # fmt: skip
    if fallback is None and not known.any():
        raise DataError("no picture has all five landmarks", where=manifest.name, cure="use a crop: template")
    return [rule if has else fallback for has in known]


def _fallback(without_landmarks: str) -> Template | None:
    return None if without_landmarks in ("error", "drop") else parse_template(without_landmarks)


def _stems(manifest: Manifest, rules: Sequence[Template | None]) -> tuple[list[str], bool]:
    """Return a name without ending for every row, no two alike but those left out, and whether one was passed over.

    Two faces of one picture, or a.jpg beside a.png, are told apart by a number: ``a``, ``a_2``. It is passed over
    where another row's picture has that very name.
    """
    wanted = []
    for text, rule in zip(manifest.table["path"], rules, strict=True):
        path = PurePath(text)
        parts = [part for part in path.parts if part not in ("..", path.anchor)]
        wanted.append("" if rule is None else PurePath(*parts).with_suffix("").as_posix())
    taken, numbers = set(wanted), Counter[str]()
    stems, passed_over = [], False
    for stem in wanted:
        numbers[stem] += 1
        name = stem
        while stem and numbers[stem] > 1 and (name := f"{stem}_{numbers[stem]}") in taken:
            numbers[stem] += 1
            passed_over = True
        taken.add(name)
        stems.append(name)
    return stems, passed_over


def _jobs(manifest: Manifest, rules: Sequence[Template | None], targets: Sequence[Path]) -> list[_Job]:
    landmarks = manifest.landmarks
    # The mean leaves NaN out: a person's eye height comes from the pictures that have landmarks.
    heights = pd.Series(landmarks[:, :2, 1].mean(axis=1)).groupby(manifest.table["subject"]).transform("mean")
    sources, yaws = manifest.paths, manifest.yaw_degrees
    jobs = []
    for row, rule in enumerate(rules):
        if rule is None:
            continue
        where = f"{manifest.place(row)}: {manifest.table['path'][row]}"
        face = Face(landmarks[row], float(yaws[row]), (0, 0), float(heights[row]), where)
        jobs.append(_Job(row, sources[row], targets[row], face, rule))
    return jobs


def _run(jobs: Sequence[_Job], size_px: int, out: Path, title: str) -> tuple[np.ndarray, int]:
    """Align all; return the landmarks in the new pictures ``(N, 5, 2)`` and how many pictures were there before."""
    landmarks, done_before, changed = [], 0, 0
    known = read_cuts(out)
    with (
        open_journal(out / JOURNAL) as note, stop_on_signal() as stop, progress_bar(title, len(jobs)) as advance,
        ThreadPoolExecutor() as pool,
    ):  # fmt: skip
        for start in range(0, len(jobs), _CHUNK):
            if stop:
                raise Interrupted(f"{start} of {len(jobs)} pictures are aligned; the same command goes on from there")
            chunk = jobs[start : start + _CHUNK]
            names = [job.target.relative_to(out).as_posix() for job in chunk]
            done = pool.map(lambda job, name: _align_picture(job, name, size_px, known.get(name), note), chunk, names)
            for name, (points, was_there) in zip(names, done, strict=True):
                landmarks.append(points)
                done_before += was_there
                changed += not was_there and name in known
            advance(len(chunk))
    if changed:
        say(f"{changed} of {len(jobs)} pictures have changed since they were aligned, or their landmarks have, "
            "and were aligned anew")  # fmt: skip
    return np.stack(landmarks), done_before


def _align_picture(
    job: _Job, name: str, size_px: int, known: Cut | None, note: Callable[[Mapping[str, Any]], None]
) -> tuple[np.ndarray, bool]:
    """Align one picture unless it is there, cut as ``known`` says and would be today; ``note`` how it is cut.

    Returns:
        Its new landmarks ``(5, 2)``, and whether it was there.
    """
    source = still_the_same(known.source, job.source) if known is not None and job.target.exists() else None
    if known is not None and source is not None:
        matrix = job.rule.matrix(replace(job.face, size_px=known.size_px), size_px)
        if known.made_by(matrix):
            if source != known.source:
                note(replace(known, source=source).line(name))
            return transform_points(job.face.landmarks, matrix), True
    source, pixels = _look_and_read(job)
    size = (pixels.shape[1], pixels.shape[0])
    matrix = job.rule.matrix(replace(job.face, size_px=size), size_px)
    aligned = warp(pixels, matrix, size_px)
    # In this order, so that a picture never stands beside a line that tells of another: one without is cut anew.
    job.target.unlink(missing_ok=True)
    note(Cut(source, size, tuple(np.asarray(matrix, float).ravel().tolist())).line(name))
    write_picture(job.target, aligned)
    return transform_points(job.face.landmarks, matrix), False


def _look_and_read(job: _Job) -> tuple[Source, np.ndarray]:
    """Return a picture's file as it is and its pixels ``(H, W, 3)``, both of the same moment."""
    source = look_at(job.source)
    try:
        pixels = read_picture(job.source)
    except DataError as error:
        raise DataError(error.what, where=job.face.where, found=error.found, cure=error.cure) from error
    if source is None or still_the_same(source, job.source) is None:
        raise DataError("the picture changed while it was read", where=job.face.where, cure="run it again")
    return source, pixels


def _claim_folder(out: Path, recipe: dict[str, Any], earlier: dict[str, Any] | None = None) -> None:
    """Mark ``out`` with what is made in it; refuse one in which something else was made, but for ``earlier``."""
    mark = out / "alignment.json"
    if mark.is_file():
        found = read_json(mark)
        if found not in (recipe, earlier):
            changed = next((key for key in recipe if not isinstance(found, dict) or found.get(key) != recipe[key]), "")
            raise DataError(f"this folder holds another alignment (its {changed!r} differs)", where=out,
                            cure="choose another --out, or delete the folder")  # fmt: skip
    elif names_within(out):
        raise DataError("this folder is not empty and holds no alignment", where=out, cure="choose another --out")
    write_json(mark, recipe)


def _digest(manifest: Manifest, rules: Sequence[Template | None], stems: Sequence[str] | None) -> str:
    """Return a digest of everything but the sources' contents that decides the new pictures.

    Args:
        manifest: Pictures; their contents are noted one by one, see :mod:`pifr.data.aligned_sources`.
        rules: Template of each.
        stems: Names, where one was passed over: in a folder from before that was done, one picture took another's
            place, so it must not be gone on with. All other folders keep their digest.
    """
    columns = ["path", "subject", "yaw", *LANDMARK_COLUMNS]
    text = f"{manifest.folder.resolve()}\n{rules!r}\n{manifest.table.reindex(columns=columns).to_csv()}"
    text += "" if stems is None else f"\n{stems!r}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _recipe_of_search(search: Search, template: str, size_px: int, without_landmarks: str) -> dict[str, Any]:
    """Return what is made of pictures in which landmarks are looked for, free of what is found in them.

    A picture that has changed may lose its face, gain one, or be readable no more; each crop is checked by itself.
    """
    rules = [parse_template(template), _fallback(without_landmarks)]
    return {"template": template, "size_px": size_px, "without_landmarks": without_landmarks,
            "detector": search.detector, "pictures": _digest(search.manifest, rules, None)}  # fmt: skip
