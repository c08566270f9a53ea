from __future__ import annotations

import sys

import numpy as np
import pytest

from pifr.core.errors import DependencyError
from pifr.twin.raycast import RayMesh

# Two triangles that face z, one a metre behind the other.
VERTICES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, -1], [1, 0, -1], [0, 1, -1]], dtype=np.float32)
TRIANGLES = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.int32)


def test_first_hits_by_hand() -> None:
    mesh = RayMesh(VERTICES, TRIANGLES)
    down = np.array([[0, 0, -1], [0, 0, 1]], dtype=np.float32)
    hits = mesh.first_hits((0.25, 0.5, 2.0), down)
    assert hits.ray.tolist() == [0]
    assert hits.triangle.tolist() == [0]
    assert hits.distance == pytest.approx([2.0])
    # (0.25, 0.5) = 0.25 * corner 0 + 0.25 * corner 1 + 0.5 * corner 2
    assert hits.weights == pytest.approx(np.array([[0.25, 0.25, 0.5]]))


def test_blocked_within_reach_only() -> None:
    mesh = RayMesh(VERTICES, TRIANGLES)
    origins = np.array([[0.2, 0.2, 2.0]] * 3, dtype=np.float32)
    assert mesh.blocked(origins, np.array([0, 0, -1.0]), np.array([1.9, 2.1, 9.0])).tolist() == [False, True, True]
    assert mesh.blocked(origins, np.array([0, 0, 1.0])).tolist() == [False] * 3


def test_no_rays_no_hits() -> None:
    mesh = RayMesh(VERTICES, TRIANGLES)
    assert len(mesh.first_hits((0, 0, 1), np.zeros((0, 3), dtype=np.float32))) == 0
    assert mesh.blocked(np.zeros((0, 3), dtype=np.float32), np.array([0, 0, 1.0])).shape == (0,)


def test_without_embree_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex.rtcore_scene", None)
    with pytest.raises(DependencyError, match=r"embreex") as caught:
        RayMesh(VERTICES, TRIANGLES)
    assert "pifr-toolkit[twin]" in str(caught.value)
