"""A person, sitting: the one function the renderer asks for people."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from pifr.twin import atlas, brows, eyes, skin, hair, hair_paint, hair_traits
from pifr.twin.bake import head_model
from pifr.twin.canvas import Canvas
from pifr.twin.hair_colour import draw_hair_colour
from pifr.twin.expression import action_weights
from pifr.twin.head_model import HeadModel, Part
from pifr.twin.person import Build, draw_build, shape_weights
from pifr.twin.rasterise import vertex_normals
from pifr.twin.scene import Material, Scene

_MATERIAL_OF_PART = np.array([0, 0, 7, 1, 1, 6, 6, 7, 2], dtype=np.uint8)


@lru_cache(maxsize=1)
def _model() -> HeadModel:
    return head_model()


@lru_cache(maxsize=1)
def _canvas() -> Canvas:
    return Canvas.of(_model())


@lru_cache(maxsize=8)
def _rest(seed: int, person: int) -> tuple[Build, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    model = _model()
    build = draw_build(seed, person)
    shape = model.bend(model.vertices_m, shape_weights(seed, person, build))
    lids = np.concatenate([shape[model.points["left_lid"]], shape[model.points["right_lid"]]])
    ears = shape[
        (np.abs(model.vertices_m[:, 0]) > 0.0745) & (model.vertices_m[:, 1] > 0.675) & (model.vertices_m[:, 1] < 0.745)
    ]
    origin = np.array([0.0, lids[:, 1].mean(), ears[:, 2].mean()])
    return build, shape, origin


@lru_cache(maxsize=8)
def _texture(seed: int, person: int, session: int) -> npt.NDArray[np.float32]:
    build, _, _ = _rest(seed, person)
    canvas = _canvas()
    texture = np.zeros((atlas.TEXTURE_SIZE, atlas.TEXTURE_SIZE, 4), dtype=np.float32)
    colour = draw_hair_colour(seed, person, build)
    face = skin.paint_skin(canvas, seed, person, build, skin.draw_skin(seed, person, build))
    brows.paint_brows(canvas, face, seed, person, brows.draw_brows(seed, person, build), colour)
    locks = hair_traits.draw_hair(seed, person, build)
    hair_paint.paint_roots(canvas, face, seed, person, locks, colour)
    texture[atlas.HAIR.region] = hair_paint.paint_strands(seed, person, locks, colour)
    texture[atlas.HEAD.region] = face
    texture[atlas.EYE.region] = eyes.paint_eye(seed, person, eyes.draw_eyes(seed, person, build))
    texture[atlas.MOUTH.region] = [0.12, 0.02, 0.02, 0.3]
    texture[atlas.TONGUE.region] = [0.3, 0.08, 0.08, 0.4]
    texture[atlas.TEETH.region] = [0.7, 0.66, 0.55, 0.6]
    texture[atlas.SOCKET.region] = [0.35, 0.12, 0.1, 0.2]
    texture[atlas.LASH.region] = [0.02, 0.015, 0.01, 0.1]
    return texture


def sitter(seed: int, person: int, session: int, expression: str, variation: int = 0) -> Scene:
    """Return one person in one sitting with one expression."""
    model = _model()
    build, rest, origin = _rest(seed, person)
    shape = model.bend(rest, action_weights(seed, person, session, expression, variation)) - origin
    points = model.points
    rim = shape[points["mouth_rim"]]
    landmarks = np.stack(
        [
            shape[points["left_lid"]].mean(axis=0),
            shape[points["right_lid"]].mean(axis=0),
            shape[points["nose_tip"][0]],
            rim[rim[:, 0].argmin()],
            rim[rim[:, 0].argmax()],
        ]
    )
    keep = model.part != Part.LASHES
    tris = [model.triangles[keep]]
    uvs = [model.uv[keep]]
    mats = [_MATERIAL_OF_PART[model.part][keep]]
    locks = hair_traits.draw_hair(seed, person, build)
    h = hair.grow_hair(model, rest, seed, person, session, locks)
    normals = [vertex_normals(shape, model.triangles)]
    if h is not None:
        tris.append(h.triangles + len(shape))
        uvs.append(hair.hair_atlas_uv(h))
        mats.append(np.full(len(h.triangles), 2))
        normals.append(vertex_normals(h.vertices - origin, h.triangles))
        shape = np.concatenate([shape, h.vertices - origin])
    return Scene(
        vertices_m=shape.astype(np.float32),
        triangles=np.concatenate(tris).astype(np.int32),
        normals=np.concatenate(normals).astype(np.float32),
        uv=np.concatenate(uvs),
        texture=_texture(seed, person, session),
        material=np.concatenate(mats).astype(np.uint8),
        landmarks_m=landmarks.astype(np.float32),
        attributes={"sex": build.sex, "age_years": round(build.age_years, 1), "skin_melanin": round(build.melanin, 3)},
    )
