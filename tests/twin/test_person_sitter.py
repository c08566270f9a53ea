"""Whole people: sound scenes, the same every time, themselves in every sitting."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from pifr.twin import sitter as room
from pifr.twin.bake import head_model
from pifr.twin.head_model import Part
from pifr.twin.scene import EXPRESSIONS, Material, Scene
from pifr.twin.sitter import sitter

ARRAYS = ("vertices_m", "triangles", "normals", "uv", "texture", "material", "landmarks_m")

DIGEST = """
import hashlib
from pifr.twin.sitter import sitter
digest = hashlib.sha256()
for person in {people}:
    scene = sitter(7, person, 2, "smile", 1)
    if person == 3:
        for name in {arrays}:
            digest.update(getattr(scene, name).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize("person", range(12))
def test_scenes_are_sound(person: int) -> None:
    scene = sitter(5, person, 1 + person % 4, EXPRESSIONS[person % 6])
    assert scene.vertices_m.dtype == scene.normals.dtype == scene.uv.dtype == scene.texture.dtype == np.float32
    assert scene.triangles.dtype == np.int32
    assert scene.material.dtype == np.uint8
    assert scene.uv.shape == (len(scene.triangles), 3, 2)
    assert scene.material.shape == (len(scene.triangles),)
    assert scene.texture.shape == (512, 512, 4)
    assert all(np.isfinite(getattr(scene, name)).all() for name in ARRAYS)
    assert scene.triangles.min() >= 0
    assert scene.triangles.max() < len(scene.vertices_m)
    for name in ("uv", "texture"):
        assert getattr(scene, name).min() >= 0.0
        assert getattr(scene, name).max() <= 1.0
    used = np.unique(scene.triangles)
    np.testing.assert_allclose(np.linalg.norm(scene.normals[used], axis=1), 1.0, atol=1e-4)
    assert np.abs(scene.vertices_m).max() < 0.45
    assert {Material.SKIN, Material.EYE, Material.TEETH, Material.CLOTH} <= set(scene.material.tolist())


@pytest.mark.parametrize("person", range(8))
def test_faces_look_ahead_and_their_points_are_in_order(person: int) -> None:
    scene = sitter(5, person, 1, "neutral")
    left_eye, right_eye, nose, left_mouth, right_mouth = scene.landmarks_m
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < nose[0] < right_mouth[0]
    assert min(left_eye[1], right_eye[1]) > nose[1] > max(left_mouth[1], right_mouth[1])
    assert nose[2] > max(left_eye[2], right_eye[2], left_mouth[2], right_mouth[2]) > 0.04
    assert abs((left_eye + right_eye)[1]) < 0.01
    assert 0.05 < right_eye[0] - left_eye[0] < 0.08
    # Normals point away from the head: on the skin of the face, towards the camera.
    model = head_model()
    skin = np.unique(model.triangles[model.part == Part.SKIN])
    front = skin[(scene.vertices_m[skin, 2] > 0.06) & (model.openness[skin] > 0.7)]
    assert len(front) > 500
    assert (scene.normals[front, 2] > 0).mean() > 0.97


def test_a_scene_does_not_depend_on_process_threads_or_order() -> None:
    def digest(people: list[int], threads: str) -> str:
        code = DIGEST.format(people=people, arrays=ARRAYS)
        environment = os.environ | {"OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        return done.stdout.strip()

    head_model()
    scene = sitter(7, 3, 2, "smile", 1)
    here = hashlib.sha256(b"".join(getattr(scene, name).tobytes() for name in ARRAYS)).hexdigest()
    assert digest([3], "1") == digest([9, 3, 4], "2") == here


def test_people_are_themselves_in_every_sitting() -> None:
    rests = {person: room._rest(5, person)[0] for person in (1, 2)}
    first, second, other = sitter(5, 1, 1, "neutral"), sitter(5, 1, 2, "neutral"), sitter(5, 2, 1, "neutral")
    same = [key for key in first.attributes if key != "neckline"]
    assert {key: first.attributes[key] for key in same} == {key: second.attributes[key] for key in same}
    assert first.attributes != other.attributes
    np.testing.assert_allclose(first.landmarks_m, second.landmarks_m, atol=0.002)
    assert np.abs(rests[1] - rests[2]).max() > 0.004
    skin = slice(40, 260)  # rows of the face: paint for life
    assert np.abs(first.texture[skin] - second.texture[skin]).mean() < 0.02
    assert not np.array_equal(first.texture, second.texture)


def test_takes_of_one_expression_differ_a_little() -> None:
    once, again = (sitter(5, 1, 1, "smile", take) for take in (0, 1))
    moved = np.abs(once.landmarks_m - again.landmarks_m).max()
    assert 1e-6 < moved < 0.004


def test_attributes_are_plain_values() -> None:
    scene = sitter(5, 1, 1, "neutral")
    assert all(type(value) in (str, int, float) for value in scene.attributes.values())


def test_no_two_of_sixty_people_look_alike() -> None:
    # Shape and paint each tell people apart on their own, so hair and clothes are not the only cue.
    shapes, paints = [], []
    for person in range(60):
        rest, origin = room._rest(5, person)
        shapes.append((rest - origin)[room._model().points["mouth_rim"]].ravel())
        paints.append(room._bare_face(5, person)[60:250:10, 200:312:8, :3].ravel())
    for values in (np.array(shapes), np.array(paints)):
        distance = np.abs(values[:, None] - values[None]).mean(axis=-1) + np.eye(60)
        assert distance.min() > 0.02 * np.median(distance)
        assert len(np.unique(values.round(6), axis=0)) == 60


def test_a_bad_expression_stops_before_anything_is_drawn() -> None:
    from pifr.core.errors import DataError

    with pytest.raises(DataError, match="no such expression"):
        sitter(5, 1, 1, "bored")


def test_a_texture_shared_by_takes_cannot_be_painted_over() -> None:
    scene: Scene = sitter(5, 1, 1, "neutral")
    with pytest.raises(ValueError, match="read-only"):
        scene.texture[0, 0] = 0.0
