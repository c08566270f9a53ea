"""How well the head model turns faces: yaw, identity by dlib's network, speed, and a sheet to look at.

    python benchmarks/headmodel.py --twin /data/twin-train/people.parquet --split val --people 40 --out headmodel.json
    python benchmarks/headmodel.py --twin /data/twin/manifest.parquet --people 6 --sheet docs/images/headmodel-twin.png
    python benchmarks/headmodel.py --london /data/london --people 72 --size 64 --out london.json --sheet london.png

Each person's frontal photograph in one light is turned to every camera's yaw. The judge never saw a rendered face.
The sheet of real people never belongs into the repository.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pifr.core.commandline import failures_in_one_line
from pifr.core.files import write_json
from pifr.core.progress import say, track
from pifr.data.align import align_manifest
from pifr.data.manifest import LANDMARK_COLUMNS, Manifest, read_manifest
from pifr.data.pixels import load_square
from pifr.headmodel import HeadModelRotator
from pifr.metrics.bootstrap import bootstrap_rate, person_weights
from pifr.metrics.identification import rank_of_mates
from pifr.pose import PoseEstimator
from pifr.pose.testing import mean_error
from pifr.recognition import load_embedder
from pifr.twin.tables import FRONTAL_CAMERA, cameras

LEVEL = sorted((c for c in cameras().values() if c.elevation_degrees == 0), key=lambda camera: camera.yaw_degrees)
POSES = [camera.name for camera in LEVEL]
LONDON_YAWS = [-90.0, -45.0, 0.0, 45.0, 90.0]
JUDGED = ("13_0", "20_0", "24_0")
"""Cameras at -30, 60 and 90 degrees: the judge is slow."""


class People:
    """Each person's pictures by camera in one light, and the landmarks of each."""

    def __init__(self, manifest: Manifest, people: int, light: str) -> None:
        table = manifest.table.assign(file=manifest.paths)
        table = table[(table["illumination"] == light) & (table["session"] == table["session"].min())]
        table = table[table["recording"] == table["recording"].min()]
        self.subjects = sorted(table["subject"].unique())[:people]
        self._rows = table.set_index(["subject", "camera"]).sort_index()
        self.size_px = int(Image.open(manifest.paths[0]).size[0])
        self.template = manifest.template

    def _of(self, camera: str) -> pd.DataFrame:
        return self._rows.loc[[(subject, camera) for subject in self.subjects]]

    def pixels(self, camera: str) -> np.ndarray:
        """Return ``(P, S, S, 3)`` uint8."""
        files = self._of(camera)["file"]
        return np.stack([load_square(Path(file), self.size_px, "twin") for file in files])

    def landmarks(self, camera: str) -> np.ndarray:
        """Return ``(P, 5, 2)`` pixels."""
        return self._of(camera)[list(LANDMARK_COLUMNS)].to_numpy(float).reshape(-1, 5, 2)

    def yaws(self, camera: str) -> np.ndarray:
        """Return the true yaws ``(P,)``."""
        return self._of(camera)["yaw"].to_numpy(float)


def turned(rotator: HeadModelRotator, people: People, source: str, cameras_: list[str]) -> dict[str, np.ndarray]:
    """Turn each person's picture by one camera to their true yaw before each of some cameras."""
    pixels, landmarks = people.pixels(source), people.landmarks(source)
    yaws = np.stack([people.yaws(camera) for camera in cameras_], axis=1)
    views = [
        rotator.rotate(pixels[[k]], landmarks[[k]], yaws[k])[0]
        for k in track(range(len(pixels)), "turning", len(pixels))
    ]
    return dict(zip(cameras_, np.stack(views, axis=1), strict=True))


def fit_error(rotator: HeadModelRotator, people: People) -> dict[str, Any]:
    """Return how far the fitted yaw is off, by the camera that took the photograph."""
    names = np.array(people.subjects)
    return {
        camera: mean_error(rotator.fit(people.landmarks(camera)).yaw_degrees - people.yaws(camera), names).to_dict()
        for camera in POSES
    }


def yaw_error(views: dict[str, np.ndarray], people: People) -> dict[str, Any]:
    """Return what the pose estimator finds in turned faces and in true pictures, against the yaw asked for."""
    estimator, names = PoseEstimator.load(device="cpu"), np.array(people.subjects)
    figures: dict[str, Any] = {}
    for kind in ("turned", "true"):
        errors = {c: estimator(views[c] if kind == "turned" else people.pixels(c)).yaw_degrees - people.yaws(c)
                  for c in views}  # fmt: skip
        figures[kind] = {
            "all": mean_error(np.concatenate(list(errors.values())), np.tile(names, len(errors))).to_dict(),
            "by_camera": {camera: mean_error(error, names).to_dict() for camera, error in errors.items()},
            "mean_signed": {camera: round(float(error.mean()), 2) for camera, error in errors.items()},
        }
    return figures


def identity(
    rotator: HeadModelRotator, enrolled: People, probes: People, views: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Return rank-1 rates of true probes in another light, with the head model on either side and without it."""
    judge, names = load_embedder("dlib"), np.array(enrolled.subjects)
    frontal = judge(enrolled.pixels(FRONTAL_CAMERA))
    figures: dict[str, Any] = {}
    for camera in track(JUDGED, "judging", len(JUDGED)):
        probe = judge(probes.pixels(camera))
        straight = rotator.rotate(probes.pixels(camera), probes.landmarks(camera), [0.0])[:, 0]
        figures[camera] = {
            "yaw_degrees": cameras()[camera].yaw_degrees,
            "photograph enrolled": _rank_1(probe, frontal, names),
            "photograph turned to the probe's yaw, enrolled": _rank_1(probe, judge(views[camera]), names),
            "probe turned to the front": _rank_1(judge(straight), frontal, names),
        }
    return figures


def _rank_1(probes: np.ndarray, gallery: np.ndarray, names: np.ndarray) -> dict[str, Any]:
    distance = np.linalg.norm(probes[:, None] - gallery[None], axis=-1)
    hits = rank_of_mates(-distance, names, names) == 1
    interval = bootstrap_rate(hits, np.arange(len(names)), person_weights(len(names)))
    return {"rank_1": round(float(hits.mean()), 3), "interval_95": [round(interval.low, 3), round(interval.high, 3)],
            "mean_own_distance": round(float(np.diag(distance).mean()), 3)}  # fmt: skip


def speed(rotator: HeadModelRotator, people: People) -> dict[str, float]:
    """Return milliseconds of one core's time for a photograph and for a view, medians."""
    pixels, landmarks = people.pixels(FRONTAL_CAMERA), people.landmarks(FRONTAL_CAMERA)

    def milliseconds(k: int, yaws: list[float]) -> float:
        start = time.process_time()
        rotator.rotate(pixels[[k]], landmarks[[k]], yaws)
        return 1000 * (time.process_time() - start)

    count = min(len(pixels), 20)
    photograph = [milliseconds(k, []) for k in range(count)]
    views = [milliseconds(k, list(np.arange(-90.0, 91.0, 15.0))) for k in range(count)]
    view = (np.array(views) - np.array(photograph)) / 13
    return {"photograph_ms": round(float(np.median(photograph)), 1), "view_ms": round(float(np.median(view)), 1)}


def twin_sheet(rotator: HeadModelRotator, people: People) -> Image.Image:
    """Put each person's turned photograph above their true pictures, the photograph at the left of both."""
    views = turned(rotator, people, FRONTAL_CAMERA, POSES)
    photograph, true = people.pixels(FRONTAL_CAMERA), {camera: people.pixels(camera) for camera in POSES}
    rows = [np.concatenate([photograph[k], *(kind[camera][k] for camera in POSES)], axis=1)
            for k in range(len(photograph)) for kind in (views, true)]  # fmt: skip
    return Image.fromarray(np.concatenate(rows))


def london_views(folder: Path, size_px: int, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Turn real frontal photographs to London's five views; return these and the true ones, ``(P, 5, S, S, 3)``."""
    template = "crops:london-v1"
    with tempfile.TemporaryDirectory() as out:
        aligned = align_manifest(read_manifest(folder / "index.csv"), template, Path(out), size_px).manifest
        table = aligned.table.assign(file=aligned.paths)
        table = table[table["expression"] == "neutral"].set_index(["subject", "yaw"])
        rotator, turned_views, true_views = HeadModelRotator(size_px, template), [], []
        for subject in sorted({subject for subject, _ in table.index})[:people]:
            true = [load_square(Path(table.loc[(subject, yaw), "file"]), size_px, subject) for yaw in LONDON_YAWS]
            landmarks = table.loc[(subject, 0.0), list(LANDMARK_COLUMNS)].to_numpy(float).reshape(1, 5, 2)
            turned_views.append(rotator.rotate(true[2][None], landmarks, LONDON_YAWS)[0])
            true_views.append(np.stack(true))
    return np.stack(turned_views), np.stack(true_views)


def london_yaws(views: np.ndarray) -> dict[str, Any]:
    """Return mean and standard deviation of the yaws that the pose estimator finds in each of the five views."""
    estimator = PoseEstimator.load(device="cpu")
    found = [estimator(views[:, k]).yaw_degrees for k in range(len(LONDON_YAWS))]
    return {f"{yaw:g}": {"mean": round(float(here.mean()), 1), "deviation": round(float(here.std()), 1)}
            for yaw, here in zip(LONDON_YAWS, found, strict=True)}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--twin", type=Path, help="manifest of the twin's room")
    made.add_argument("--split", help="only the people of this split")
    made.add_argument("--london", type=Path)
    made.add_argument("--people", type=int, default=40)
    made.add_argument("--enrolled-light", default="07")
    made.add_argument("--probe-light", default="04")
    made.add_argument("--size", type=int, default=128, help="of London's pictures")
    made.add_argument("--sheet", type=Path)
    made.add_argument("--out", type=Path)
    return made


def main() -> None:
    options = parser().parse_args()
    if options.london:
        views, true = london_views(options.london, options.size, options.people)
        if options.sheet:
            pairs = np.stack([views, true], axis=1).reshape(-1, *views.shape[1:])
            Image.fromarray(np.concatenate([np.concatenate(list(row), axis=1) for row in pairs])).save(options.sheet)
        if options.out:
            figures = {"turned": london_yaws(views), "true": london_yaws(true)}
            write_json(options.out, {"people": len(views), "size_px": options.size} | figures)
        return
    manifest = read_manifest(options.twin)
    if options.split:
        manifest = manifest.of_split(options.split)
    people = People(manifest, options.people, options.enrolled_light)
    rotator = HeadModelRotator(people.size_px, people.template)
    if options.sheet:
        twin_sheet(rotator, people).save(options.sheet, optimize=True)
    if options.out:
        views = turned(rotator, people, FRONTAL_CAMERA, POSES)
        figures = {"people": len(people.subjects), "size_px": people.size_px, "speed": speed(rotator, people),
                   "fit": fit_error(rotator, people), "yaw": yaw_error(views, people)}  # fmt: skip
        write_json(options.out, figures)
        probes = People(manifest, options.people, options.probe_light)
        figures["identity"] = identity(rotator, people, probes, views)
        write_json(options.out, figures)
        say(f"{options.out}")


if __name__ == "__main__":
    with failures_in_one_line():
        main()
