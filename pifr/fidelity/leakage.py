"""What a code knows that it should not: linear probes for yaw in identity codes and for people in pose codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ipgan import Rotator
from pifr.core.seeds import numpy_generator
from pifr.fidelity.estimate import Estimate, estimate, nominal_yaws
from pifr.fidelity.views import Views


@dataclass(frozen=True)
class LeakageFigures:
    """Accuracies of probes; chance is the share of the commonest answer among the tested pictures.

    Attributes:
        yaw_from_identity: Yaw bin from the identity code, tested on people the probe never saw.
        person_from_pose: Person from the pose code, tested on other pictures of the same people.
        held_out: What those are: ``sittings``, where every person has two, else ``views``.
    """

    yaw_from_identity: Estimate
    person_from_pose: Estimate
    held_out: str


def measure_leakage(rotator: Rotator, views: Views, weights: np.ndarray, seed: int = 0) -> LeakageFigures:
    """Train and test both probes on codes of true pictures.

    Args:
        rotator: The generator, whose encoders are probed.
        views: The trial.
        weights: ``(R, P)`` of the bootstrap over people.
        seed: Of the draw of the people that the first probe trains on.
    """
    pixels, person = views.store[views.probed], views.probed_person
    yaw_bin = nominal_yaws(views.probed_yaw_degrees).astype(int)
    order = numpy_generator("people of the yaw probe", seed).permutation(len(views.people))
    train = np.isin(person, order[: (len(order) + 1) // 2])
    yaw = probe(rotator.identity_codes(pixels), yaw_bin, train, person, weights)
    train, held_out = _other_pictures(views)
    who = probe(rotator.pose_codes(pixels), person, train, person, weights)
    return LeakageFigures(yaw, who, held_out)


def probe(
    codes: np.ndarray, labels: np.ndarray, train: np.ndarray, person: np.ndarray, weights: np.ndarray
) -> Estimate:
    """Return the accuracy of logistic regression on standardised codes.

    Args:
        codes: ``(N, D)``.
        labels: ``(N,)`` whole numbers.
        train: ``(N,)`` bool; the others are tested.
        person: ``(N,)`` columns of ``weights``.
        weights: ``(R, P)`` of the bootstrap over people.

    Returns:
        Accuracy with chance; NaN where there is nothing to tell apart or to test.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    test = ~train
    if not test.any() or len(np.unique(labels[train])) < 2:
        return estimate(np.empty(0), np.empty(0, int), weights)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(codes[train], labels[train])
    right = (model.predict(codes[test]) == labels[test]).astype(float)
    chance = float(np.unique(labels[test], return_counts=True)[1].max() / test.sum())
    return estimate(right, person[test], weights, chance)


def _other_pictures(views: Views) -> tuple[np.ndarray, str]:
    """Return which pictures ``(R,)`` train the person probe: one sitting of two, else every second yaw."""
    if views.gallery_is_other_sitting.all():
        return views.probed_sitting == 0, "sittings"
    train = np.zeros(len(views.probed), bool)
    for index in range(len(views.people)):
        rows = np.flatnonzero(views.probed_person == index)
        train[rows[np.argsort(views.probed_yaw_degrees[rows], kind="stable")][::2]] = True
    return train, "views"
