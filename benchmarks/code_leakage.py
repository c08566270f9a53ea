"""What a generator's codes tell that they should not, and what they should.

    python benchmarks/code_leakage.py MODEL --data TWIN.parquet [--people 100] [--of "yaw pose place"]

* yaw: the yaw bin from the identity code, over all lights together and within each light;
* pose: the person, and the yaw, from the first k directions of the pose code, those that tell poses best first, for
  every k. MODEL is then to be from before the settled part, which drops directions;
* place: where the five landmarks lie in the picture, from the identity code and from the bare picture at 16 px.

Classifiers are those of ``ipgan evaluate``, with 95 % intervals over people; half of the people train them (for the
person: half of the sittings). Places are read by ridge regression over five folds of people.
"""

import argparse

import numpy as np

from ipgan import Rotator
from ipgan.settling import pose_directions
from pifr.data.manifest import Manifest, read_manifest
from pifr.data.pixels import open_pixels
from pifr.fidelity.estimate import nominal_yaws
from pifr.fidelity.leakage import probe
from pifr.metrics import person_weights

GLANCE_PX = 16
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


def main() -> None:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--of", default="yaw pose place")
    options = parser.parse_args()
    data = read_manifest(options.data)
    data = data.select(data.table["subject"].isin(data.subjects[: options.people]))
    rotator = Rotator.load(options.model)
    pixels = open_pixels(data, rotator.spec.size_px).images[:]
    parts = {"yaw": yaw_in_identity, "pose": person_in_pose, "place": places_in_identity}
    for name in options.of.split():
        parts[name](rotator, data, pixels)


if __name__ == "__main__":
    main()
