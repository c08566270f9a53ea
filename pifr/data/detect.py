"""Landmarks for photographs that have none: find the faces of a manifest, choose one a picture, count failures."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pifr.core.errors import ConfigError, DataError
from pifr.core.files import cache_folder, disk_errors, read_journal
from pifr.core.interrupt import Interrupted, stop_on_signal
from pifr.core.progress import progress_bar
from pifr.data.align import AlignmentResult, align_manifest
from pifr.data.detectors import FaceDetector, choose_face, load_detector
from pifr.data.importers import Failure
from pifr.data.importers.checking import OnError, refuse, save_failures
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, make_manifest
from pifr.data.pictures import flaw_of, read_picture

_CHUNK = 32
_NO_FACE = "no face found"
Finding = dict[str, Any]
"""What one picture gave: ``{"flaw": ...}``, or ``faces``, ``chosen`` and ``landmarks``; JSON-ready."""


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

    Findings are kept in the user's cache folder, so that a call broken off goes on where it stopped.

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
    journal = cache_folder() / "faces" / f"{_key(manifest, made)}.jsonl"
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
    result = align_manifest(detection.manifest, template, out, size_px, policy)
    if detection.failures:
        save_failures(Path(out) / "failures.csv", detection.failures)
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
    """Return row -> finding; what the journal holds is not looked for again."""
    findings: dict[int, Finding] = {int(each.pop("row")): each for each in read_journal(journal, ["row"])}
    todo = [row for row in rows if row not in findings]
    names = manifest.table["path"]
    journal.parent.mkdir(parents=True, exist_ok=True)
    with (
        disk_errors(journal), open(journal, "a", encoding="utf-8") as stream, stop_on_signal() as stop,
        progress_bar("finding faces", len(rows), len(rows) - len(todo)) as advance, _finder(detector, workers) as find,
    ):  # fmt: skip
        for start in range(0, len(todo), _CHUNK):
            if stop:
                raise Interrupted(f"{len(findings)} of {len(rows)} pictures are looked at; the same command goes on")
            chunk = todo[start : start + _CHUNK]
            for row, finding in zip(chunk, find([manifest.folder / names[row] for row in chunk]), strict=True):
                flaw = finding.get("flaw", _NO_FACE)
                if flaw != _NO_FACE and on_error == "stop":
                    refuse([Failure(str(names[row]), f"row {row + 1}", flaw)])
                findings[row] = finding
                stream.write(json.dumps({"row": row, **finding}) + "\n")
            stream.flush()
            advance(len(chunk))
    return findings


@contextmanager
def _finder(detector: FaceDetector, workers: int) -> Iterator[Callable[[list[Path]], Iterator[Finding]]]:
    """Yield a function from paths to findings, in this process or in several."""
    if workers == 1:
        yield lambda paths: (find_face(detector, path) for path in paths)
        return
    # Processes, since dlib holds the interpreter's lock; spawned, since threads are running here.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(detector.name,)) as pool:
        yield lambda paths: pool.map(_find_in_worker, paths)


_worker_detector: FaceDetector | None = None


def _start_worker(name: str) -> None:
    global _worker_detector
    _worker_detector = load_detector(name)


def _find_in_worker(path: Path) -> Finding:
    assert _worker_detector is not None
    return find_face(_worker_detector, path)


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


def _key(manifest: Manifest, detector: FaceDetector) -> str:
    text = f"1 {detector.name} {detector.sha256} {manifest.folder.resolve()} {manifest.fingerprint()}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]
