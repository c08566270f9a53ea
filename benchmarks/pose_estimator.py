"""How far off the pose estimator is on people and pictures that no training has seen: the room and London.

    pifr data twin --people 201-240 --sessions 2 --recordings 1 --lights 05,13 --size 64 --out room
    python benchmarks/pose_estimator.py --room room/manifest.parquet --london ../shared/data/london --out pose.json

London's yaws are nominal, five views 45 degrees apart, so its figure is the share of pictures nearest to their own
view. `--sheet` draws the pictures that went wrong; those of real people never belong into the repository.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from pifr.core.commandline import failures_in_one_line
from pifr.data.align import align_manifest
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pixels import open_pixels
from pifr.metrics.bootstrap import bootstrap_rate, person_weights
from pifr.pose import PoseEstimates, PoseEstimator
from pifr.pose.testing import mean_error

HIGH_CAMERAS = ("08_1", "19_1")
VIEWS_DEGREES = np.array([-90, -45, 0, 45, 90])
_TILE = 96


def room(estimator: PoseEstimator, manifest: Manifest) -> dict[str, Any]:
    """Return yaw and pitch errors on rendered people before the room's cameras."""
    table, found = manifest.table, estimator(open_pixels(manifest, estimator.spec.size_px).images)
    yaw = found.yaw_degrees - table["yaw"].to_numpy(float)
    pitch = found.pitch_degrees - table["pitch"].to_numpy(float)
    people, camera = table["subject"].to_numpy(str), table["camera"].to_numpy(str)
    high = np.isin(camera, HIGH_CAMERAS)
    return {
        "people": len(np.unique(people)),
        "yaw": mean_error(yaw[~high], people[~high]).to_dict(),
        "pitch": mean_error(pitch[~high], people[~high]).to_dict(),
        "yaw_by_camera": {name: mean_error(yaw[camera == name], people[camera == name]).to_dict()
                          for name in sorted(set(camera))},
        "yaw_high_cameras": mean_error(yaw[high], people[high]).to_dict() if high.any() else None,
    }  # fmt: skip


def five_views(found: PoseEstimates, manifest: Manifest) -> dict[str, Any]:
    """Return the share of pictures nearest to their nominal view and how the estimates of each view lie."""
    nominal, people = manifest.yaw_degrees, manifest.table["subject"].to_numpy(str)
    right = nearest_view(found) == nominal
    names, person = np.unique(people, return_inverse=True)
    interval = bootstrap_rate(right, person, person_weights(len(names)))
    views = {}
    for view in VIEWS_DEGREES:
        here = nominal == view
        values = found.yaw_degrees[here]
        views[f"{view}"] = {
            "pictures": int(here.sum()),
            "right_percent": round(100 * float(right[here].mean()), 2),
            "mean_degrees": round(float(values.mean()), 2),
            "std_degrees": round(float(values.std()), 2),
            "mean_pitch_degrees": round(float(found.pitch_degrees[here].mean()), 2),
        }
    return {
        "people": len(names), "pictures": len(nominal), "right_percent": round(100 * float(right.mean()), 3),
        "interval_95": interval.percent(), "views": views,
        "yaw_distance_to_nominal": mean_error(found.yaw_degrees - nominal, people).to_dict(),
    }  # fmt: skip


def nearest_view(found: PoseEstimates) -> np.ndarray:
    """Return the nominal view ``(N,)`` nearest to each estimated yaw."""
    nearest: np.ndarray = VIEWS_DEGREES[np.abs(found.yaw_degrees[:, None] - VIEWS_DEGREES).argmin(1)]
    return nearest


def london(estimator: PoseEstimator, folder: Path, sheet: Path | None) -> dict[str, Any]:
    """Return the five-view figures of the whole pictures and of faces cut out tightly at 64 px."""
    whole = read_manifest(folder / "index.csv")
    with tempfile.TemporaryDirectory() as scratch:
        tight = align_manifest(whole, "crops:london-v1", Path(scratch), size_px=64).manifest
        sets = {"whole pictures": whole, "crops:london-v1 at 64 px": tight}
        figures = {}
        for name, manifest in sets.items():
            found = estimator(np.asarray(open_pixels(manifest, 64).images))
            figures[name] = five_views(found, manifest)
            if sheet is not None:
                draw_worst(found, manifest, sheet.with_stem(f"{sheet.stem}-{name.split()[0].partition(':')[0]}"))
    return figures


def draw_worst(found: PoseEstimates, manifest: Manifest, path: Path, count: int = 96) -> None:
    """Draw the pictures farthest from their nominal view, each with its estimate."""
    worst = pd.Series(np.abs(found.yaw_degrees - manifest.yaw_degrees)).nlargest(count).index.to_numpy()
    columns = 12
    page = Image.new("RGB", (columns * _TILE, -(-len(worst) // columns) * _TILE))
    for place, row in enumerate(worst):
        tile = Image.open(manifest.paths[row]).convert("RGB").resize((_TILE, _TILE))
        text = f"{manifest.yaw_degrees[row]:+.0f} is {found.yaw_degrees[row]:+.0f} p{found.pitch_degrees[row]:+.0f}"
        ImageDraw.Draw(tile).text((2, _TILE - 12), text, fill="red")
        page.paste(tile, (place % columns * _TILE, place // columns * _TILE))
    page.save(path)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--room", type=Path)
    made.add_argument("--london", type=Path)
    made.add_argument("--weights", type=Path, help="an estimator's .json file; by default the shipped one")
    made.add_argument("--out", type=Path, help="write the figures here, as JSON")
    made.add_argument("--sheet", type=Path, help="draw London's worst pictures here")
    return made


def main() -> None:
    """Measure and write."""
    arguments = parser().parse_args()
    estimator = PoseEstimator.load(arguments.weights, "cpu") if arguments.weights else PoseEstimator.load(device="cpu")
    figures: dict[str, Any] = {"weights_sha256": estimator.sha256}
    if arguments.room:
        figures["room"] = room(estimator, read_manifest(arguments.room, ("yaw", "pitch", "camera")))
    if arguments.london:
        figures["london"] = london(estimator, arguments.london, arguments.sheet)
    text = json.dumps(figures, indent=1)
    if arguments.out:
        arguments.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    with failures_in_one_line():
        main()
