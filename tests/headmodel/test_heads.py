"""The statistical head: symmetric, orthogonal, and able to draw the twin's people."""

from __future__ import annotations

import numpy as np

from pifr.headmodel.heads import HeadBasis, sample_head
from pifr.twin.bake import head_model


def test_the_mean_head_is_symmetric(basis: HeadBasis) -> None:
    mirrored = basis.mean_m[basis.mirror] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored, basis.mean_m, atol=1e-9)
    np.testing.assert_array_equal(basis.mirror[basis.mirror], np.arange(len(basis.mirror)))


def test_components_are_orthogonal_and_ordered(basis: HeadBasis) -> None:
    flat = basis.components_m.reshape(len(basis.components_m), -1)
    gram = flat @ flat.T
    lengths = np.diag(gram)
    assert (np.diff(lengths) <= 1e-12).all()
    assert np.abs(gram - np.diag(lengths)).max() < 1e-9 * lengths[0]


def test_the_basis_draws_people_it_was_not_made_of(basis: HeadBasis) -> None:
    model = head_model()
    used = np.unique(basis.triangles)
    flat = basis.components_m.reshape(len(basis.components_m), -1)
    errors, spreads = [], []
    for person in (1, 2, 3, 4):
        shape, points = sample_head(model, 77, person)
        offset = (shape - basis.mean_m).reshape(-1)
        weights = np.linalg.lstsq(flat.T, offset, rcond=None)[0]
        drawn = basis.mean_m + np.tensordot(weights, basis.components_m, axes=1)
        errors.append(np.linalg.norm((drawn - shape)[used], axis=1).mean())
        spreads.append(np.linalg.norm((shape - basis.mean_m)[used], axis=1).mean())
        # The five points are linear in the shape, so the same weights draw them.
        moved = basis.mean_points_m + np.tensordot(weights, basis.component_points_m, axes=1)
        assert np.linalg.norm(moved - points, axis=1).max() < 0.006
    assert np.mean(errors) < 0.25 * np.mean(spreads)


def test_hair_raises_the_crown_and_not_the_face(basis: HeadBasis) -> None:
    top = basis.mean_m[:, 1].argmax()
    nose = basis.mean_m[:, 2].argmax()
    assert basis.hair_m[top] > 0.008
    assert basis.hair_m[nose] == 0.0
    assert basis.hair_share[top] > 0.99
    assert basis.hair_share[nose] == 0.0
