"""Are the twin's people real enough? Ask a network that never saw them: dlib's, of the extra `judge`.

    python benchmarks/twin_realism.py --london ../shared/data/london --out docs/twin-realism.json

Measured: EER between sittings (frontal, neutral, same light), distances between people, and rank-1 by |yaw| with a
neutral frontal gallery and smiling probes of the same sitting, on the twin and on real photographs side by side.
Both kinds of picture are cut out by one rule: scaled by the distance of the eyes in the frontal view, eyes at dlib's
height, the tip of the nose at a column that follows from the yaw, since no profile landmarks exist for photographs.
"""

from __future__ import annotations

import argparse
import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from pifr.core.commandline import failures_in_one_line
from pifr.core.files import write_json
from pifr.core.progress import say, track
from pifr.data.pictures import read_picture
from pifr.metrics import equal_error_rate
from pifr.twin.config import TwinConfig
from pifr.twin.plan import Take
from pifr.twin.render import Studio
from pifr.twin.room import room_takes
from pifr.twin.sitter import sitter
from pifr.twin.tables import FRONTAL_CAMERA, FRONTAL_LIGHT

CHIP_PX = 150
EYE_DISTANCE_PX, EYE_ROW = 52.6, 47.1
"""Where dlib's own alignment puts the eyes in its 150 px chips."""
NOSE_SWING_PX = 46.0
TWIN_PX = 192
TWIN_CAMERAS = {-90: "11_0", -75: "12_0", -60: "09_0", -45: "08_0", -30: "13_0", -15: "14_0", 0: "05_1", 15: "05_0",
                30: "04_1", 45: "19_0", 60: "20_0", 75: "01_0", 90: "24_0"}  # fmt: skip


def cut_chip(picture: np.ndarray, eyes: np.ndarray, nose_column: float, yaw: float) -> np.ndarray:
    """Cut a `(150, 150, 3)` chip: `eyes` `(2, 2)` are those of the person's frontal picture, in pixels."""
    scale = EYE_DISTANCE_PX / np.hypot(*(eyes[1] - eyes[0]))
    nose_at = CHIP_PX / 2 + NOSE_SWING_PX * np.sin(np.radians(yaw))
    left, top = nose_column - nose_at / scale, eyes[:, 1].mean() - EYE_ROW / scale
    # A chip may reach over the picture's edge, which is then continued.
    margin = len(picture) // 2
    image = Image.fromarray(np.pad(picture, [(margin, margin), (margin, margin), (0, 0)], mode="edge"))
    left, top = left + margin, top + margin
    box = (left, top, left + CHIP_PX / scale, top + CHIP_PX / scale)
    return np.asarray(image.transform((CHIP_PX, CHIP_PX), Image.Transform.EXTENT, box, Image.Resampling.BICUBIC))


def judge(chips: list[np.ndarray], label: str) -> np.ndarray:
    """Return dlib's descriptors `(N, 128)`."""
    import dlib

    files = importlib.metadata.files("face-recognition-models") or []
    weights = next(str(f.locate()) for f in files if f.name == "dlib_face_recognition_resnet_model_v1.dat")
    network = dlib.face_recognition_model_v1(weights)
    return np.array([network.compute_face_descriptor(np.ascontiguousarray(c)) for c in track(chips, label, len(chips))])


def frontal_chip(config: TwinConfig, take: Take) -> np.ndarray:
    """Render a take whose one camera is the frontal one and cut its chip."""
    studio = Studio(sitter(config.seed, take.person, take.session, take.expression, take.recording - 1), take, config)
    look = studio.look(take.sights[0])
    points, _ = look.landmarks()
    ((_, picture),) = look.pictures(take.sights[0].lightings)
    return cut_chip(picture, points[:2], points[2, 0], 0.0)


def twin_chips(config: TwinConfig) -> Iterator[tuple[Take, float, np.ndarray]]:
    """Render takes and yield (take, nominal yaw, chip)."""
    yaw_of = {camera: yaw for yaw, camera in TWIN_CAMERAS.items()}
    takes = list(room_takes(config))
    for take in track(takes, "rendering", len(takes)):
        studio = Studio(
            sitter(config.seed, take.person, take.session, take.expression, take.recording - 1), take, config
        )
        looks = {sight.camera: studio.look(sight) for sight in take.sights}
        points = {camera: look.landmarks()[0] for camera, look in looks.items()}
        eyes = points[FRONTAL_CAMERA][:2]
        for sight in take.sights:
            ((_, picture),) = looks[sight.camera].pictures(sight.lightings)
            nose = points[sight.camera][2, 0]
            yield take, yaw_of[sight.camera], cut_chip(picture, eyes, nose, yaw_of[sight.camera])


def london_chips(folder: Path) -> Iterator[tuple[str, str, float, np.ndarray]]:
    """Yield (subject, expression, yaw, chip) of the photographs used: neutral frontal and all smiling."""
    table = pd.read_csv(folder / "index.csv", dtype={"subject": str})
    eyes_of = {
        row.subject: np.array([[row.left_eye_x, row.left_eye_y], [row.right_eye_x, row.right_eye_y]])
        for row in table.dropna(subset=["left_eye_x"]).itertuples()
    }
    for row in table.itertuples():
        if row.expression == "smiling" or row.yaw == 0:
            picture, eyes = read_picture(folder / row.path), eyes_of[row.subject]
            nose = eyes[:, 0].mean() if row.yaw == 0 else foremost_column(picture, eyes, np.sign(row.yaw))
            yield row.subject, row.expression, row.yaw, cut_chip(picture, eyes, nose, row.yaw)


def foremost_column(picture: np.ndarray, eyes: np.ndarray, side: float) -> float:
    """Return the column that the nose reaches before the plain background of the London photographs."""
    distance = np.hypot(*(eyes[1] - eyes[0]))
    first = int(eyes[:, 1].mean())
    rows = picture[first : first + int(distance)].astype(float)
    wall = np.median(rows[:, -8:] if side > 0 else rows[:, :8], axis=(0, 1))
    columns = np.flatnonzero((np.abs(rows - wall).max(axis=-1) > 30).sum(axis=0) >= 2)
    return float(columns.max() if side > 0 else columns.min())


def rank1_by_yaw(gallery: np.ndarray, names: list[str], probes: pd.DataFrame) -> dict[str, float]:
    """Return rank-1 in percent by |yaw|; `probes` has columns subject, yaw, vector."""
    correct: dict[int, list[bool]] = {}
    for probe in probes.itertuples():
        nearest = names[int(np.linalg.norm(gallery - probe.vector, axis=1).argmin())]
        correct.setdefault(abs(int(probe.yaw)), []).append(nearest == probe.subject)
    return {str(yaw): round(100 * float(np.mean(correct[yaw])), 1) for yaw in sorted(correct)}


def sittings(seed: int, people: str) -> dict[str, Any]:
    """Compare frontal neutral pictures of different sittings, same light."""
    config = TwinConfig(people=people, recordings=(1,), cameras=(FRONTAL_CAMERA,), lights=(FRONTAL_LIGHT,),
                        size_px=TWIN_PX, seed=seed)  # fmt: skip
    found = list(twin_chips(config))
    vectors = judge([chip for _, _, chip in found], "judging sittings")
    person = np.array([take.person for take, _, _ in found])
    session = np.array([take.session for take, _, _ in found])
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1)
    other = session[:, None] < session[None]
    same = person[:, None] == person[None]
    mated, nonmated = distance[other & same], distance[other & ~same]
    return {
        "people": len(set(person.tolist())),
        "eer_percent": round(100 * equal_error_rate(-mated, -nonmated), 2),
        "mated_distance_quantiles": quantiles(mated),
        "nonmated_distance_quantiles": quantiles(nonmated),
        "nonmated_below_0.6_percent": round(100 * float((nonmated < 0.6).mean()), 3),
    }


def crowd(seed: int, people: int, same_person_distance: float) -> dict[str, Any]:
    """Look for look-alikes: how many pairs of a crowd are as close as two sittings of one person."""
    config = TwinConfig(people=people, cameras=(FRONTAL_CAMERA,), lights=(FRONTAL_LIGHT,), size_px=TWIN_PX, seed=seed)
    first: dict[int, np.ndarray] = {}
    takes = [take for take in room_takes(config) if take.recording == 1]
    for take in track(takes, "rendering the crowd", len(takes)):
        if take.person not in first:
            first[take.person] = frontal_chip(config, take)
    vectors = judge(list(first.values()), "judging the crowd")
    # 2,000 people are two million pairs; their inner products are distances enough.
    squares = (vectors**2).sum(axis=1)
    distance = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * vectors @ vectors.T, 0))
    pairs = distance[np.triu_indices(len(vectors), 1)]
    return {
        "people": len(vectors),
        "closest_pair": round(float(pairs.min()), 3),
        "as_close_as_one_person": int((pairs < same_person_distance).sum()),
        "nonmated_distance_quantiles": quantiles(pairs) | {"0.0001": round(float(np.quantile(pairs, 1e-4)), 3)},
    }


def quantiles(values: np.ndarray) -> dict[str, float]:
    """Return a few quantiles by name."""
    return {f"{q:g}": round(float(np.quantile(values, q)), 3) for q in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99)}


def poses_of_the_twin(seed: int, people: str, yaws: list[int]) -> dict[str, Any]:
    """Rank-1 by |yaw| on the twin: gallery neutral, probes smiling, the first session."""
    cameras = tuple(TWIN_CAMERAS[yaw] for yaw in sorted({0, *yaws}))
    config = TwinConfig(people=people, sessions=(1,), recordings=(1, 2), cameras=cameras, lights=(FRONTAL_LIGHT,),
                        size_px=TWIN_PX, seed=seed)  # fmt: skip
    rows = [(f"{t.person}", t.expression, yaw, chip) for t, yaw, chip in twin_chips(config)
            if t.expression == "smile" or yaw == 0]  # fmt: skip
    return poses(rows, "neutral", "judging the twin")


def poses(rows: list[tuple[str, str, float, np.ndarray]], neutral: str, label: str) -> dict[str, Any]:
    """Measure rank-1 by |yaw| and how far apart people are, from (subject, expression, yaw, chip)."""
    table = pd.DataFrame([row[:3] for row in rows], columns=["subject", "expression", "yaw"])
    table["vector"] = list(judge([row[3] for row in rows], label))
    is_gallery = table["expression"] == neutral
    gallery = np.stack(table.loc[is_gallery, "vector"].tolist())
    distance = np.linalg.norm(gallery[:, None] - gallery[None], axis=-1)[np.triu_indices(len(gallery), 1)]
    return {
        "people": len(gallery),
        "rank1_percent_by_abs_yaw": rank1_by_yaw(
            gallery, table.loc[is_gallery, "subject"].tolist(), table[~is_gallery]
        ),
        "nonmated_distance_quantiles": quantiles(distance),
        "nonmated_below_0.6_percent": round(100 * float((distance < 0.6).mean()), 3),
    }


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--london", type=Path, help="folder of the London photographs, for the comparison")
    made.add_argument("--people", default="100", help="people of the twin whose sittings are compared")
    made.add_argument("--pose-people", default="72", help="people of the twin seen from all sides")
    made.add_argument("--yaws", default="-90,-45,0,45,90", help="yaws of the probes on the twin")
    made.add_argument("--crowd", type=int, default=0, help="look for look-alikes among the first N people")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--out", type=Path, help="JSON file for the figures")
    return made


def main() -> None:
    options = parser().parse_args()
    result: dict[str, Any] = {"sittings": sittings(options.seed, options.people)}
    say(f"sittings: {result['sittings']}")
    if options.crowd:
        same = result["sittings"]["mated_distance_quantiles"]["0.99"]
        result["crowd"] = crowd(options.seed, options.crowd, same)
        say(f"crowd: {result['crowd']}")
    yaws = [int(yaw) for yaw in options.yaws.split(",")]
    result["twin"] = poses_of_the_twin(options.seed, options.pose_people, yaws)
    say(f"twin: {result['twin']}")
    if options.london:
        result["london"] = poses(list(london_chips(options.london)), "neutral", "judging photographs")
        say(f"london: {result['london']}")
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    with failures_in_one_line():
        main()
