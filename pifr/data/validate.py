"""Looking for everything that is wrong with a picture set before a model pays for it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pifr.core.errors import DataError
from pifr.core.progress import progress_bar, say
from pifr.data.cures import nearly_known_columns, rename
from pifr.data.manifest import LANDMARKS, NUMBER_COLUMNS, TEXT_COLUMNS, UNALIGNED, Manifest
from pifr.data.pictures import flaw_of, read_picture

Severity = Literal["error", "warning"]
_CHUNK = 256
_BAR_WIDTH = 40
_POSE_STEP_DEGREES = 15


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        severity: ``error`` breaks or falsifies work with the set, ``warning`` may be meant.
        check: Short name of the check, for example ``duplicate``.
        file: The picture; empty for findings about the whole set.
        row: Its row, counted from 1 without the header; 0 for the whole set.
        what: What is wrong.
        cure: What to do about it.
    """

    severity: Severity
    check: str
    file: str
    row: int
    what: str
    cure: str


@dataclass(frozen=True)
class ValidationReport:
    """Everything :func:`validate` found.

    Attributes:
        name: The manifest.
        pictures: Number of rows.
        people: Number of persons.
        sizes: ``WIDTHxHEIGHT`` -> number of readable pictures, most frequent first.
        yaw_histogram: Yaw in degrees, rounded to 15 -> number of pictures.
        unknown_yaw: Pictures without a yaw.
        findings: Errors first, each group in row order.
    """

    name: str
    pictures: int
    people: int
    sizes: dict[str, int]
    yaw_histogram: dict[int, int]
    unknown_yaw: int
    findings: list[Finding]

    @property
    def errors(self) -> list[Finding]:
        """The findings that are errors."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that are warnings."""
        return [finding for finding in self.findings if finding.severity == "warning"]

    def table(self) -> list[dict[str, Any]]:
        """Return one record a finding, ready for a data frame."""
        return [asdict(finding) for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready values."""
        return {
            "name": self.name, "pictures": self.pictures, "people": self.people, "sizes": self.sizes,
            "yaw_histogram": {str(yaw): count for yaw, count in self.yaw_histogram.items()},
            "unknown_yaw": self.unknown_yaw, "errors": len(self.errors), "warnings": len(self.warnings),
            "findings": self.table(),
        }  # fmt: skip

    def pose_bars(self) -> list[str]:
        """Return the pose histogram as lines of text."""
        if not self.yaw_histogram:
            return []
        most = max(self.yaw_histogram.values())
        return [
            f"{yaw:+4d}° {'#' * max(1, round(count / most * _BAR_WIDTH))} {count}"
            for yaw, count in self.yaw_histogram.items()
        ]


@dataclass(frozen=True)
class _Picture:
    """What decoding one picture told: its size, whether it is grey, a digest of its pixels, or why it failed."""

    size_px: tuple[int, int] = (0, 0)
    grey: bool = False
    digest: bytes = b""
    failure: str = ""


def validate(manifest: Manifest, min_pictures: int = 2) -> ValidationReport:
    """Decode every picture and check the table against the pictures and itself.

    Args:
        manifest: The set.
        min_pictures: People with fewer pictures are a warning.

    Returns:
        The report; an unusable picture is a finding, not an exception.
    """
    pictures = _look_at_pictures(manifest)
    findings: list[Finding] = []
    for check in _CHECKS:
        findings.extend(check(manifest, pictures))
    findings.extend(_check_few_pictures(manifest, min_pictures))
    findings.sort(key=lambda finding: finding.severity == "warning")
    yaws = manifest.yaw_degrees
    known = yaws[np.isfinite(yaws)]
    rounded = (np.round(known / _POSE_STEP_DEGREES) * _POSE_STEP_DEGREES).astype(int)
    sizes = Counter("{}x{}".format(*picture.size_px) for picture in pictures if not picture.failure)
    return ValidationReport(
        name=manifest.name,
        pictures=len(manifest),
        people=len(manifest.subjects),
        sizes=dict(sizes.most_common()),
        yaw_histogram=dict(sorted(Counter(rounded.tolist()).items())),
        unknown_yaw=len(yaws) - len(known),
        findings=findings,
    )


def _look_at_pictures(manifest: Manifest) -> list[_Picture]:
    paths = manifest.paths
    pictures: list[_Picture] = []
    with progress_bar("decoding pictures", len(paths)) as advance, ThreadPoolExecutor() as pool:
        for start in range(0, len(paths), _CHUNK):
            chunk = list(pool.map(_look_at, paths[start : start + _CHUNK]))
            pictures.extend(chunk)
            advance(len(chunk))
    return pictures


def _look_at(path: Path) -> _Picture:
    try:
        pixels = read_picture(path)
    except DataError as error:
        return _Picture(failure=flaw_of(error))
    height, width = pixels.shape[:2]
    grey = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
    digest = hashlib.blake2b(f"{width} {height} ".encode() + pixels.tobytes(), digest_size=16).digest()
    return _Picture((width, height), grey, digest)


def _check_readable(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    for row, picture in enumerate(pictures):
        if picture.failure:
            check = "missing" if picture.failure == "picture not found" else "unreadable"
            yield _at("error", check, manifest, row, picture.failure, "restore the file or drop its row")


def _check_sizes(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    readable = [(row, picture.size_px) for row, picture in enumerate(pictures) if not picture.failure]
    odd = [(row, size) for row, size in readable if size[0] != size[1]]
    if odd:
        row, (width, height) = odd[0]
        what = f"{len(odd)} of {len(readable)} pictures are not square, this one first: {width} x {height}"
        yield _at("warning", "not-square", manifest, row, what, "cut the faces out with: pifr data align")
    elif len(sizes := Counter(size[0] for _, size in readable)) > 1:
        usual = sizes.most_common(1)[0][0]
        row, size = next((row, size) for row, size in readable if size[0] != usual)
        what = f"sides range from {min(sizes)} to {max(sizes)} pixels; the first that is not {usual} is {size[0]}"
        yield _at("warning", "sizes", manifest, row, what, "align or resize them in one way: pifr data align")


def _check_grey(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    readable = [row for row, picture in enumerate(pictures) if not picture.failure]
    grey = [row for row in readable if pictures[row].grey]
    if grey:
        what = f"{len(grey)} of {len(readable)} pictures have no colour, this one first"
        yield _at("warning", "grey", manifest, grey[0], what, "don't mix them with colour: grey would betray a person")


def _check_duplicates(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    first: dict[bytes, int] = {}
    subjects, paths = manifest.table["subject"], manifest.table["path"]
    for row, picture in enumerate(pictures):
        if picture.failure:
            continue
        other = first.setdefault(picture.digest, row)
        if other == row:
            continue
        same = f"same pixels as {paths[other]} (row {other + 1})"
        if subjects[other] == subjects[row]:
            yield _at("warning", "duplicate", manifest, row, same, "drop one of the two rows")
        else:
            what = f"{same} of another person: {subjects[row]!r} and {subjects[other]!r}"
            yield _at("error", "duplicate", manifest, row, what, "find out whose picture it is and drop the other row")


def _check_few_pictures(manifest: Manifest, min_pictures: int) -> Iterator[Finding]:
    counts, first = Counter(manifest.table["subject"]), _first_rows(manifest)
    for subject in sorted(name for name, count in counts.items() if count < min_pictures):
        what = f"person {subject!r} has {counts[subject]} of the {min_pictures} pictures wanted"
        yield _at("warning", "few-pictures", manifest, first[subject], what, "add pictures, or drop this person")


def _first_rows(manifest: Manifest) -> dict[str, int]:
    """Return person -> row of the first picture, in one pass over the table."""
    first: dict[str, int] = {}
    for row, subject in enumerate(manifest.table["subject"]):
        first.setdefault(subject, row)
    return first


def _check_splits(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    if "split" not in manifest.table:
        return
    used, first = manifest.table[manifest.table["split"] != ""], _first_rows(manifest)
    for subject, splits in used.groupby("subject")["split"].unique().items():
        if len(splits) > 1:
            what = f"person {subject!r} is in several splits: {', '.join(sorted(splits))}"
            yield _at("error", "split", manifest, first[str(subject)], what, "split by person with: pifr data split")


def _check_yaw(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    if looks_like_radians(manifest.yaw_degrees):
        largest = np.nanmax(np.abs(manifest.yaw_degrees))
        what = f"the largest yaw is {largest:.3g}: this looks like radians, degrees are expected"
        yield _whole("warning", "yaw", manifest, what, "convert them: pifr data import table --yaw-unit radians")


def _check_columns(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    near = nearly_known_columns(manifest.table.columns, (*TEXT_COLUMNS, *NUMBER_COLUMNS))
    cure = rename(manifest.name, {meant: column for column, meant in near.items()}, "rename it")
    for column, meant in near.items():
        yield _whole("warning", "column", manifest, f"column {column!r} is kept but not used as {meant!r}", cure)


def _check_templates(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    if "template" not in manifest.table:
        return
    found = sorted(set(manifest.table["template"].replace("", UNALIGNED)))
    if len(found) > 1:
        what = f"pictures went through different alignments: {', '.join(found)}"
        yield _whole("error", "template", manifest, what, "align all of them with one call of: pifr data align")


def _check_landmarks(manifest: Manifest, pictures: Sequence[_Picture]) -> Iterator[Finding]:
    points = manifest.landmarks
    # A point known to be hidden may lie behind the picture's edge, and behind the nose the eyes change sides.
    for index, name in enumerate(LANDMARKS):
        if f"{name}_visible" in manifest.table:
            points[~manifest.table[f"{name}_visible"].isin([True, "True", "true", "1"]).to_numpy(), index] = np.nan
    cure = "correct or empty the landmarks of this row"
    for row, picture in enumerate(pictures):
        if picture.failure or not np.isfinite(points[row]).any():
            continue
        outside = ((points[row] < 0) | (points[row] > picture.size_px)).any(axis=1)
        if outside.any():
            names = ", ".join(name for name, out in zip(LANDMARKS, outside, strict=True) if out)
            width, height = picture.size_px
            yield _at("error", "landmarks", manifest, row, f"outside the {width} x {height} picture: {names}", cure)
        elif points[row, 0, 0] > points[row, 1, 0]:
            what = "left and right eye are swapped: left means left in the picture"
            yield _at("warning", "landmarks", manifest, row, what, "swap the two eyes and the two mouth corners")


def looks_like_radians(yaws: np.ndarray) -> bool:
    """Tell whether yaws ``(N,)`` are probably radians: several values, none a whole number but 0, none beyond pi/2."""
    known = np.unique(yaws[np.isfinite(yaws)])
    turned = known[known != 0]
    return len(turned) > 1 and bool(np.abs(turned).max() <= np.pi / 2 + 0.01 and (turned % 1 != 0).all())


def warn_of_radians(manifest: Manifest) -> None:
    """Say so where all yaws are so small that they may be radians; a set of frontal pictures is warned of too."""
    yaws = np.abs(manifest.yaw_degrees[np.isfinite(manifest.yaw_degrees)])
    if len(yaws) and 0 < yaws.max() <= np.pi:
        say(f"warning: {manifest.name}: all yaws lie within {yaws.max():.2f} degrees; are they radians?")


def _at(severity: Severity, check: str, manifest: Manifest, row: int, what: str, cure: str) -> Finding:
    return Finding(severity, check, str(manifest.table["path"][row]), row + 1, what, cure)


def _whole(severity: Severity, check: str, manifest: Manifest, what: str, cure: str) -> Finding:
    return Finding(severity, check, "", 0, what, cure)


_CHECKS: tuple[Callable[[Manifest, Sequence[_Picture]], Iterator[Finding]], ...] = (
    _check_readable, _check_sizes, _check_grey, _check_duplicates, _check_splits, _check_yaw, _check_columns,
    _check_templates, _check_landmarks,
)  # fmt: skip
