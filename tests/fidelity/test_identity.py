import numpy as np
import pytest

from pifr.fidelity.estimate import by_yaw, estimate, share_of
from pifr.fidelity.identity import compare_to_gallery
from pifr.metrics import person_weights

GALLERY = np.eye(3)


def test_hits_cosines_ties_and_failures_by_hand():
    vectors = np.array([[0.8, 0.6, 0], [0.6, 0.8, 0], [0, 0, 0], [0, 0, 1], [0.6, 0, 0.6]])
    cosine, hit = compare_to_gallery(vectors, GALLERY, np.array([0, 0, 1, 2, 2]))
    assert cosine == pytest.approx([0.8, 0.6, np.nan, 1, 0.6], nan_ok=True)
    assert hit.tolist() == [1, 0, 0, 1, 0]  # found, another nearer, failed, found, tie


def test_a_failed_gallery_picture_is_never_found_and_stands_in_nobodys_way():
    gallery = np.array([[1.0, 0], [0, 0]])
    cosine, hit = compare_to_gallery(np.array([[-1.0, 0], [0, 1]]), gallery, np.array([0, 1]))
    assert hit.tolist() == [1, 0]
    assert cosine == pytest.approx([-1, np.nan], nan_ok=True)


def test_groups_by_angle_leave_the_unknown_out():
    found = by_yaw(
        np.array([1, 0, np.nan, 1.0]), np.array([-44.0, 46, 45, 1]), np.array([0, 1, 2, 2]), person_weights(3, 20)
    )
    assert {name: (each.value, each.trials) for name, each in found.items()} == {
        "0": (1, 1), "45": (0.5, 2), "all": (2 / 3, 3),
    }  # fmt: skip
    assert estimate(np.array([np.nan]), np.array([0]), person_weights(3, 20)).to_dict()["value"] is None


def test_share_is_paired_over_people():
    weights, person = person_weights(40, 200), np.arange(40)
    true = estimate((person % 4 > 0).astype(float), person, weights)
    made = estimate((person % 4 > 1).astype(float), person, weights)
    share = share_of(made, true)
    assert share.value == pytest.approx(2 / 3)
    assert 0.4 < share.interval.low < share.value < share.interval.high <= 1
    assert share_of(made, estimate(np.zeros(40), person, weights)).to_dict()["value"] is None
    assert share_of(true, true).to_dict()["interval"] is None
