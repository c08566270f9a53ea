"""Landmarks for photographs that have none: find the faces of a manifest, choose one a picture, count failures."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError
from pifr.core.files import cache_folder, open_journal, read_journal
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar
from pifr.data.align import AlignmentResult, Search, align_manifest
from pifr.data.detectors import FaceDetector, choose_face, load_detector
from pifr.data.importers import Failure
from pifr.data.importers.checking import OnError, refuse, save_failures
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, make_manifest
from pifr.data.pictures import flaw_of, read_picture
from pifr.data.sources import SOURCE_KEYS, Source, look_at, source_of, still_the_same

_CHUNK = 32
_NO_FACE = "no face found"
Finding = dict[str, Any]
"""What one picture gave: ``{"flaw": ...}``, or ``faces``, ``chosen`` and ``landmarks``; JSON-ready."""
_Look = tuple[Source | None, Finding]
"""The picture as it was, None where its file can't be read, and what it gave."""


@dataclass(frozen=True)
class Detection:
    """Landmarks found, and pictures without.

    Attributes:
        manifest: The readable pictures; new columns are the landmarks, ``landmarks_by`` (``given`` where they were
            known), ``faces_found`` and ``face_chosen``.
        failures: Pictures that can't be read or show no face.
        unreadable: How many of them can't be read.
        asked: Pictures that had no landmarks.
    """

    manifest: Manifest
    failures: list[Failure]
    unreadable: int
    asked: int

    @property
    def failure_to_acquire(self) -> float:
        """Share of the pictures asked for that gave no landmarks (ISO/IEC 19795-1), 0..1."""
        return len(self.failures) / self.asked if self.asked else 0.0


def detect_landmarks(manifest: Manifest, detector: str, on_error: OnError = "stop", workers: int = 1) -> Detection:
    """Find the five landmarks of all pictures that lack some.

    Findings are kept in the user's cache folder, each with what its picture was then: a call broken off goes on where
    it stopped, and of pictures that have changed since, those alone are looked at anew.

    Args:
        manifest: Pictures.
        detector: Name, see :mod:`pifr.data.detectors`.
        on_error: What to do with a picture that can't be read; one without a face is never an error.
        workers: Processes.

    Raises:
        ConfigError: If there is no such detector.
        DataError: With ``stop``, if a picture can't be read; if no picture shows a face.
        DependencyError: If the detector's package is missing.
        Interrupted: If the user stopped it.
    """
    if workers < 1:
        raise ConfigError("at least one process is needed", where="--workers", found=workers)
    rows = np.flatnonzero(~np.isfinite(manifest.landmarks).all(axis=(1, 2))).tolist()
    made = load_detector(detector)
    journal = cache_folder() / "faces" / f"{_key(manifest.folder, made)}.jsonl"
    findings = _find(manifest, rows, made, journal, on_error, workers)
    names = manifest.table["path"]
    flaws = {row: finding["flaw"] for row, finding in findings.items() if "flaw" in finding}
    failures = [Failure(str(names[row]), f"row {row + 1}", flaw) for row, flaw in sorted(flaws.items())]
    unreadable = np.zeros(len(manifest), dtype=bool)
    unreadable[[row for row, flaw in flaws.items() if flaw != _NO_FACE]] = True
    found = _with_findings(manifest, rows, findings, made.landmarks_by)
    if not np.isfinite(found.landmarks).all(axis=(1, 2)).any():
        raise DataError("no picture shows a face that the detector finds", where=manifest.name,
                        found=failures[0] if failures else None, cure="use a crop: template")  # fmt: skip
    return Detection(found.select(~unreadable), failures, int(unreadable.sum()), len(rows))


def align_photographs(
    manifest: Manifest, detector: str, template: str, out: Path, size_px: int = 112, without_landmarks: str = "error",
    on_error: OnError = "stop", workers: int = 1,
) -> tuple[AlignmentResult, Detection]:  # fmt: skip
    """Find landmarks, then align; pictures without a face are dropped unless a crop is named for them.

    ``failures.csv`` in ``out`` lists the pictures that can't be read or show no face. See :func:`detect_landmarks` and
    :func:`pifr.data.align.align_manifest`.
    """
    detection = detect_landmarks(manifest, detector, on_error, workers)
    policy = "drop" if without_landmarks == "error" else without_landmarks
    result = align_manifest(detection.manifest, template, out, size_px, policy, Search(manifest, detector))
    listed = Path(out) / "failures.csv"
    if detection.failures:
        save_failures(listed, detection.failures)
    else:
        listed.unlink(missing_ok=True)  # of an earlier call, before the pictures were mended
    return result, detection


def _with_findings(manifest: Manifest, rows: list[int], findings: dict[int, Finding], landmarks_by: str) -> Manifest:
    """Add what was found; a picture without a face keeps the landmarks it had."""
    table, landmarks = manifest.table, manifest.landmarks.reshape(len(manifest), -1)
    sources = np.array(["given"] * len(table), dtype=object)
    counts, choices = np.full(len(table), np.nan), np.array([""] * len(table), dtype=object)
    for row in rows:
        finding = findings[row]
        sources[row] = "" if "flaw" in finding else landmarks_by
        counts[row] = finding.get("faces", 0)
        choices[row] = finding.get("chosen", "")
        if "landmarks" in finding:
            landmarks[row] = finding["landmarks"]
    points = pd.DataFrame(landmarks, columns=list(LANDMARK_COLUMNS), index=table.index)
    table = table.assign(**points, landmarks_by=sources, faces_found=counts, face_chosen=choices)
    return make_manifest(table, manifest.folder, manifest.name)


def _find(
    manifest: Manifest, rows: list[int], detector: FaceDetector, journal: Path, on_error: OnError, workers: int
) -> dict[int, Finding]:
    """Return row -> finding; a picture in the journal that has not changed since is not looked at again."""
    known = _read_looks(journal)
    findings: dict[int, Finding] = {}
    names, paths = manifest.table["path"], manifest.paths
    # Manifests of one folder share a journal, and so may commands.
    with (
        open_journal(journal) as note, stop_on_signal() as stop, progress_bar("finding faces", len(rows)) as advance,
        ThreadPoolExecutor() as threads, _finder(detector, workers) as find,
    ):  # fmt: skip
        for start in range(0, len(rows), _CHUNK):
            if stop:
                raise Interrupted(f"{len(findings)} of {len(rows)} pictures are looked at; the same command goes on")
            chunk = rows[start : start + _CHUNK]
            before = [known.get(names[row]) for row in chunk]
            looks = list(threads.map(_unless_changed, before, [paths[row] for row in chunk]))
            anew = iter(find([paths[row] for row, look in zip(chunk, looks, strict=True) if look is None]))
            for row, earlier, look in zip(chunk, before, looks, strict=True):
                source, findings[row] = now = look or next(anew)
                if source is not None and now != earlier:
                    note({"picture": names[row], **asdict(source), **findings[row]})
                flaw = findings[row].get("flaw", _NO_FACE)
                if flaw != _NO_FACE and on_error == "stop":
                    refuse([Failure(str(names[row]), f"row {row + 1}", flaw)])
            advance(len(chunk))
    return findings


def _read_looks(journal: Path) -> dict[str, _Look]:
    """Return path in the manifest -> what is known of that picture; a later line wins."""
    known: dict[str, _Look] = {}
    for entry in read_journal(journal, ("picture", *SOURCE_KEYS)):
        source = source_of(entry)
        finding = {key: value for key, value in entry.items() if key not in ("picture", *SOURCE_KEYS)}
        known[str(entry["picture"])] = source, finding
    return known


def _unless_changed(known: _Look | None, path: Path) -> _Look | None:
    """Return what is known of a picture, with the times of today; None where nothing is, or it has changed since."""
    if known is None or known[0] is None:
        return None
    source = still_the_same(known[0], path)
    return None if source is None else (source, known[1])


@contextmanager
def _finder(detector: FaceDetector, workers: int) -> Iterator[Callable[[list[Path]], Iterator[_Look]]]:
    """Yield a function from paths to looks, in this process or in several."""
    if workers == 1:
        yield lambda paths: (_look(detector, path) for path in paths)
        return
    # Processes, since dlib holds the interpreter's lock; spawned, since threads are running here.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(detector.name,)) as pool:
        yield lambda paths: pool.map(_find_in_worker, paths)


_worker_detector: FaceDetector | None = None


def _start_worker(name: str) -> None:
    global _worker_detector
    _worker_detector = load_detector(name)


def _find_in_worker(path: Path) -> _Look:
    assert _worker_detector is not None
    return _look(_worker_detector, path)


def _look(detector: FaceDetector, path: Path) -> _Look:
    source = look_at(path)  # before the picture is decoded, see there
    return source, find_face(detector, path)


def find_face(detector: FaceDetector, path: Path) -> Finding:
    """Look at one picture; see :data:`Finding`."""
    try:
        pixels = read_picture(path)
    except DataError as error:
        return {"flaw": flaw_of(error)}
    faces = detector(pixels)
    if not faces:
        return {"flaw": _NO_FACE}
    index, chosen = choose_face(faces, (pixels.shape[1], pixels.shape[0]))
    return {"faces": len(faces), "chosen": chosen, "landmarks": faces[index].landmarks.round(2).ravel().tolist()}


def _key(folder: Path, detector: FaceDetector) -> str:
    """Name the journal by what decides a finding, but for the picture, which each line notes."""
    text = f"2 {detector.name} {detector.sha256} {folder.resolve()}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
