"""Contact sheets of the twin: people by camera, one person by light, by expression and by session.

python benchmarks/twin_sheets.py --out docs/images
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pifr.core.progress import say, track
from pifr.twin.config import TwinConfig
from pifr.twin.render import Studio
from pifr.twin.room import room_takes
from pifr.twin.sitter import sitter
from pifr.twin.tables import FRONTAL_CAMERA, FRONTAL_LIGHT, cameras, lights

POSES = [name for name, camera in cameras().items() if camera.elevation_degrees == 0]


def rows_of_pictures(config: TwinConfig) -> list[list[np.ndarray]]:
    """Render each take of `config` as one row of pictures, camera by camera, light by light."""
    rows = []
    takes = list(room_takes(config))
    for take in track(takes, "rendering", len(takes)):
        scene = sitter(config.seed, take.person, take.session, take.expression, take.recording - 1)
        studio = Studio(scene, take, config)
        rows.append([p for sight in take.sights for _, p in studio.look(sight).pictures(sight.lightings)])
    return rows


def sheet(rows: Sequence[Sequence[np.ndarray]], columns: int | None = None) -> Image.Image:
    """Put equal pictures side by side; `columns` breaks long rows."""
    if columns:
        rows = [row[k : k + columns] for row in rows for k in range(0, len(row), columns)]
    width = max(map(len, rows))
    blank = np.full_like(rows[0][0], 255)
    return Image.fromarray(np.concatenate([np.concatenate([*row, *[blank] * (width - len(row))], 1) for row in rows]))


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--out", type=Path, default=Path("docs/images"))
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--people", default="1-24", help="people of the first sheet")
    made.add_argument("--person", type=int, default=1, help="the person of the lights sheet")
    made.add_argument("--only", help="one of people, lights, expressions, sessions")
    return made


def main() -> None:
    options = parser().parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    common = {"seed": options.seed, "samples_per_side": 3}
    frontal = {"cameras": (FRONTAL_CAMERA,), "lights": (FRONTAL_LIGHT,)}
    person = str(options.person)
    configs = {
        "people": (TwinConfig(people=options.people, sessions=(1,), recordings=(1,), cameras=tuple(POSES),
                              lights=(FRONTAL_LIGHT,), size_px=60, **common), None),
        "lights": (TwinConfig(people=f"{person},{options.person + 1}", sessions=(1,), recordings=(1,),
                              cameras=(FRONTAL_CAMERA,), lights=tuple(lights()), size_px=128, **common), 10),
        "expressions": (TwinConfig(people="1-60", size_px=96, **frontal, **common), None),
        "sessions": (TwinConfig(people="1-30", recordings=(1,), size_px=112, **frontal, **common), None),
    }  # fmt: skip
    for name, (config, columns) in configs.items():
        if options.only in (None, name):
            rows = rows_of_pictures(config)
            if name in ("expressions", "sessions"):
                rows = one_row_a_person(config, rows)
            path = options.out / f"twin-{name}.png"
            sheet(rows, columns).save(path, optimize=True)
            say(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def one_row_a_person(config: TwinConfig, rows: list[list[np.ndarray]], most: int = 8) -> list[list[np.ndarray]]:
    """Join the takes of each person who missed none, for the first `most` such people."""
    takes_of: dict[int, list[np.ndarray]] = {}
    for take, row in zip(room_takes(config), rows, strict=True):
        takes_of.setdefault(take.person, []).extend(row)
    longest = max(map(len, takes_of.values()))
    return [row for row in takes_of.values() if len(row) == longest][:most]


if __name__ == "__main__":
    main()
