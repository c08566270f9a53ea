"""How far alignment by dlib's five points lies from that by its 68, and what both cost.

    python benchmarks/detectors.py london/index.csv --where expression=neutral

Prints, by the size of the yaw: faces found; how far apart the two put the five landmarks of ``dlib68`` in the 112 px
template (mean and standard deviation over pictures), and their difference in scale and rotation; the same against the
manifest's own landmarks where it has them; where dlib's nose base lies in the template; processor seconds a picture.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from pifr.core.commandline import failures_in_one_line
from pifr.data.detectors import DlibDetector, choose_face
from pifr.data.geometry import fit_similarity, transform_points
from pifr.data.manifest import read_manifest
from pifr.data.pictures import read_picture
from pifr.data.templates import ARCFACE_POINTS


def difference(mine: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Pixels, per cent of scale and degrees between alignment by ``mine`` and by ``truth``, both ``(5, 2)``."""
    a, b = fit_similarity(mine, ARCFACE_POINTS), fit_similarity(truth, ARCFACE_POINTS)
    pixels = np.linalg.norm(transform_points(truth, a) - transform_points(truth, b), axis=1).mean()
    scales = [np.sqrt(np.linalg.det(matrix[:, :2])) for matrix in (a, b)]
    turns = [np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0])) for matrix in (a, b)]
    return pixels, abs(scales[0] / scales[1] - 1) * 100, abs(turns[0] - turns[1])


def look(path: Path, detectors: dict[str, DlibDetector], seconds: dict[str, float]) -> dict[str, np.ndarray]:
    pixels, found = np.ascontiguousarray(read_picture(path)), {}
    for name, detector in detectors.items():
        begin = time.process_time()
        faces = detector(pixels)
        seconds[name] += time.process_time() - begin
        if faces:
            index, _ = choose_face(faces, (pixels.shape[1], pixels.shape[0]))
            found[name] = faces[index].landmarks
            if name == "dlib":
                found["base"] = detector.points(pixels, detector.boxes(pixels)[index])[4]
    return found


def told(name: str, rows: list[tuple[float, float, float]]) -> str:
    mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
    return f"{name}: " + ", ".join(
        f"{m:.1f} ({s:.1f}) {unit}" for m, s, unit in zip(mean, spread, ("px", "% scale", "degrees"), strict=True)
    )


def main(manifest: Path, where: list[str], every: int) -> None:
    data = read_manifest(manifest)
    for condition in where:
        column, _, value = condition.partition("=")
        data.require([column])
        data = data.select(data.table[column] == value)
    truths = data.landmarks
    detectors = {"dlib": DlibDetector(5), "dlib68": DlibDetector(68)}
    for yaw in sorted(set(np.abs(data.yaw_degrees))):
        rows = np.flatnonzero(np.abs(data.yaw_degrees) == yaw)[::every]
        seconds = dict.fromkeys(detectors, 0.0)
        seen = {row: look(data.paths[row], detectors, seconds) for row in rows}
        both = {row: found for row, found in seen.items() if len(found) == 3}
        print(f"yaw {yaw:g}: {len(both)} of {len(rows)} faces found; "
              + ", ".join(f"{name} {seconds[name] / len(rows):.3f} s a picture" for name in detectors))  # fmt: skip
        if not both:
            continue
        print("  " + told("dlib from dlib68", [difference(f["dlib"], f["dlib68"]) for f in both.values()]))
        known = [row for row in both if np.isfinite(truths[row]).all()]
        for name in detectors if known else ():
            print("  " + told(f"{name} from the manifest", [difference(both[r][name], truths[r]) for r in known]))
        bases = [
            transform_points(f["base"][None], fit_similarity(f["dlib68"], ARCFACE_POINTS))[0] for f in both.values()
        ]
        print(f"  nose base in the template: {np.mean(bases, axis=0).round(2)}, sd {np.std(bases, axis=0).round(2)}")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("manifest", type=Path)
    made.add_argument("--where", action="append", default=[], metavar="COLUMN=VALUE")
    made.add_argument("--every", type=int, default=1, help="Look at every n-th picture only.")
    return made


if __name__ == "__main__":
    arguments = parser().parse_args()
    with failures_in_one_line():
        main(arguments.manifest, arguments.where, arguments.every)
