"""What a generator's codes tell that they should not, and what they should.

    python benchmarks/code_leakage.py MODEL --data TWIN.parquet [--people 100] [--of "yaw pose place"]
    python benchmarks/code_leakage.py MODEL --data TWIN.parquet --of erasure --learned-from TRAINING.parquet

* yaw: the yaw bin from the identity code, over all lights together and within each light;
* pose: the person, and the yaw, from the first k directions of the pose code, those that tell poses best first, for
  every k. MODEL is then to be from before the settled part, which drops directions;
* erasure: what erasing the yaw brings and costs, over all pictures together or within each light and session, with
  more and more directions left alone. It is learned from TRAINING, which MODEL, from before the settled part, may have
  seen. Cost: rank-1 by identity codes alone, frontal pictures of one session against all of the other.
* place: where the five landmarks lie in the picture, from the identity code and from the bare picture at 16 px.

Classifiers are those of ``ipgan evaluate``, with 95 % intervals over people; half of the people train them (for the
person: half of the sittings). Places are read by ridge regression over five folds of people.
"""

import argparse

import numpy as np
import torch

from ipgan import Rotator
from ipgan.batch import rows_over_the_manifest
from ipgan.erasure import leace, yaw_concept
from ipgan.settling import pose_directions
from pifr.core.commandline import failures_in_one_line
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pixels import open_pixels
from pifr.data.tensors import to_input
from pifr.fidelity.estimate import nominal_yaws
from pifr.fidelity.leakage import probe
from pifr.metrics import person_weights

GLANCE_PX = 16
ERASED_FROM = 40_000
LEAST = (0.05, 0.1, 0.2)
LANDMARKS = ("left_eye", "right_eye", "nose_tip", "left_mouth", "right_mouth")


def numbers(names) -> np.ndarray:
    """Number names ``(N,)`` from 0."""
    return np.unique(np.asarray(names, dtype=str), return_inverse=True)[1]


def yaw_in_identity(rotator: Rotator, data: Manifest, pixels: np.ndarray) -> None:
    """Print how well the yaw bin is read off identity codes."""
    codes, person = rotator.identity_codes(pixels), numbers(data.table["subject"])
    bins, lights = nominal_yaws(data.yaw_degrees).astype(int), data.table["illumination"].astype(str).to_numpy()
    weights, train = person_weights(person.max() + 1), person % 2 == 0
    for light in ("all", *np.unique(lights)):
        rows = np.ones(len(lights), bool) if light == "all" else lights == light
        found = probe(codes[rows], bins[rows], train[rows], person[rows], weights)
        print(f"yaw bin from the identity code, light {light}: {found.text(100, 1)}")


def person_in_pose(rotator: Rotator, data: Manifest, pixels: np.ndarray) -> None:
    """Print how well people and yaws are read off more and more directions of the pose code."""
    codes, person, yaw = rotator.pose_codes(pixels), numbers(data.table["subject"]), data.yaw_degrees
    found = pose_directions(codes, person, yaw)
    turned = (codes - found.mean) @ found.matrix.T
    first, weights = numbers(data.table["session"]) == 0, person_weights(person.max() + 1)
    for count, ratio in enumerate(found.ratios, start=1):
        who = probe(turned[:, :count], person, first, person, weights)
        plane = np.column_stack([turned[:, :count], np.ones(len(turned))])
        error = np.abs(plane[~first] @ np.linalg.lstsq(plane[first], yaw[first], rcond=None)[0] - yaw[~first]).mean()
        print(f"{count} directions, ratio {ratio:.1f}: person {who.text(100, 1)}, linear yaw error {error:.1f} degrees")


def erased(rotator: Rotator, data: Manifest, pixels: np.ndarray, learned_from: Manifest) -> None:
    """Print yaw leakage and rank-1 of identity codes after erasures learned from other pictures."""
    rows = rows_over_the_manifest(learned_from, ERASED_FROM)
    training = learned_from.select(np.isin(np.arange(len(learned_from)), rows))
    raw = raw_codes(rotator, open_pixels(training, rotator.spec.size_px).images)
    mine = raw_codes(rotator, pixels)
    conditions = numbers([f"{light} {session}" for light, session in
                          training.table[["illumination", "session"]].itertuples(index=False)])  # fmt: skip
    changes = {"nothing erased": (np.eye(mine.shape[1]), np.zeros(mine.shape[1]))}
    changes["over all together"] = leace(raw, yaw_concept(training.yaw_degrees))
    for least in LEAST:
        concept = yaw_concept(training.yaw_degrees, conditions)
        changes[f"within light and session, least {least}"] = leace(raw, concept, least)
    person, bins = numbers(data.table["subject"]), nominal_yaws(data.yaw_degrees).astype(int)
    session, weights = numbers(data.table["session"]), person_weights(person.max() + 1)
    for name, (matrix, offset) in changes.items():
        codes = mine @ matrix.T + offset
        codes /= np.linalg.norm(codes, axis=1, keepdims=True)
        found = probe(codes, bins, person % 2 == 0, person, weights)
        gallery, ranks = (session == 0) & (bins == 0), []
        for yaw in (0, 45, 60, 90):
            asked = (session == 1) & (np.abs(bins) == yaw)
            nearest = (codes[asked] @ codes[gallery].T).argmax(axis=1)
            ranks.append(f"{100 * (person[gallery][nearest] == person[asked]).mean():.0f}")
        print(f"{name}: rank {np.linalg.matrix_rank(matrix)}, yaw {found.text(100, 1)}, rank-1 {'/'.join(ranks)} %")


@torch.inference_mode()
def raw_codes(rotator: Rotator, pixels: np.ndarray) -> np.ndarray:
    """Return identity codes ``(N, F)`` before they are scaled to unit norm."""
    parts = []
    for start in range(0, len(pixels), 256):
        images = to_input(pixels[start : start + 256], rotator.spec, rotator.device).to(rotator.dtype)
        parts.append(rotator.rotation.identity_encoder.raw(images).cpu().numpy())
    return np.concatenate(parts)


def places_in_identity(rotator: Rotator, data: Manifest, pixels: np.ndarray) -> None:
    """Print the R2 of each landmark's place, read off the identity code and off the bare picture."""
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frontal = np.abs(data.yaw_degrees) < 8
    some, person = data.table[frontal], numbers(data.table["subject"][frontal])
    cell = pixels.shape[1] // GLANCE_PX
    small = pixels[frontal].reshape(-1, GLANCE_PX, cell, GLANCE_PX, cell, 3).mean((2, 4)).reshape(frontal.sum(), -1)
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 4, 8)))
    for name in (f"{landmark}_{axis}" for landmark in LANDMARKS for axis in "xy"):
        place = some[name].to_numpy(float)
        scores = []
        for inputs in (rotator.identity_codes(pixels[frontal]), small):
            found = cross_val_predict(model, inputs, place, cv=GroupKFold(5), groups=person)
            scores.append(1 - np.square(found - place).mean() / place.var())
        print(
            f"{name}, spread {place.std():.1f} px: R2 {scores[0]:.2f} from the code, {scores[1]:.2f} from the picture"
        )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("model")
    made.add_argument("--data", required=True)
    made.add_argument("--people", type=int, default=100)
    made.add_argument("--of", default="yaw pose place")
    made.add_argument("--learned-from", help="pictures that erasures are learned from, for --of erasure")
    return made


def main() -> None:
    """Print what is asked for."""
    options = parser().parse_args()
    if "erasure" in options.of.split() and options.learned_from is None:
        parser().error("--of erasure needs --learned-from")
    data = read_manifest(options.data)
    data = data.select(data.table["subject"].isin(data.subjects[: options.people]))
    rotator = Rotator.load(options.model)
    pixels = open_pixels(data, rotator.spec.size_px).images[:]
    parts = {"yaw": yaw_in_identity, "pose": person_in_pose, "place": places_in_identity}
    for name in options.of.split():
        if name == "erasure":
            erased(rotator, data, pixels, read_manifest(options.learned_from))
        else:
            parts[name](rotator, data, pixels)


if __name__ == "__main__":
    with failures_in_one_line():
        main()
