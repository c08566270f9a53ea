"""A person, sitting: the one function the renderer asks for people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pifr.twin import atlas, beard, brows, clothes, eyes, glasses, hair, hair_paint, hair_traits, mouth, skin
from pifr.twin.bake import head_model
from pifr.twin.canvas import Canvas
from pifr.twin.expression import action_weights
from pifr.twin.hair_colour import HairColour, draw_hair_colour
from pifr.twin.head_model import HeadModel, Part
from pifr.twin.meshes import Mesh
from pifr.twin.person import Build, draw_build, shape_weights
from pifr.twin.rasterise import vertex_normals
from pifr.twin.scene import Material, Scene

FloatArray = npt.NDArray[np.float64]
FloatMap = npt.NDArray[np.float32]

_MATERIAL_OF_PART = np.zeros(len(Part), dtype=np.uint8)
_MATERIAL_OF_PART[[Part.LEFT_EYE, Part.RIGHT_EYE]] = Material.EYE
_MATERIAL_OF_PART[[Part.UPPER_TEETH, Part.LOWER_TEETH]] = Material.TEETH
_MATERIAL_OF_PART[[Part.MOUTH, Part.TONGUE]] = Material.MOUTH
_MATERIAL_OF_PART[Part.LASHES] = Material.HAIR


@dataclass(frozen=True)
class _Traits:
    """Everything that is a person's for life."""

    build: Build
    skin: skin.SkinTraits
    brows: brows.BrowTraits
    eyes: eyes.EyeTraits
    hair: hair_traits.HairTraits
    colour: HairColour
    beard: beard.BeardTraits
    glasses: glasses.GlassesTraits | None


@dataclass(frozen=True)
class _Sitting:
    """What stays the same through one sitting, whatever the expression.

    Attributes:
        texture: `(T, T, 4)` the atlas.
        raised: `(V,)` metres by which beard and cloth raise each vertex of the head.
        material: `(F,)` of the head's triangles.
        extras: Hair, frame and lenses, each with its patch's coordinates `(F, 3, 2)` and material.
        wears: Neckline, for the record.
    """

    texture: FloatMap
    raised: FloatArray
    material: npt.NDArray[np.uint8]
    extras: tuple[tuple[Mesh, FloatMap, Material], ...]
    wears: str


def sitter(seed: int, person: int, session: int, expression: str, variation: int = 0) -> Scene:
    """Return one person in one sitting with one expression.

    The same arguments give the same scene in every process, whatever was built there before.

    Args:
        seed: World: another seed has other people.
        person: Number of the person; traits for life depend on (seed, person) only.
        session: Number of the sitting: length of hair and beard, clothes, how the hair lies.
        expression: One of `pifr.twin.scene.EXPRESSIONS`.
        variation: Number of the take; the same expression, held a little differently.

    Returns:
        The scene, in the head's own frame.

    Raises:
        DataError: If the expression is unknown.
        DependencyError: If the head model is not baked yet and the extra `twin` is not installed.
    """
    model, traits, sitting = _model(), _traits(seed, person), _sitting(seed, person, session)
    rest, origin = _rest(seed, person)
    bent = model.bend(rest, action_weights(seed, person, session, expression, variation)) - origin
    landmarks = face_points(model, bent)
    normals = vertex_normals(bent, model.triangles)
    bent = bent + normals * sitting.raised[:, None]
    pieces = [(Mesh(bent, model.triangles.astype(np.int64), np.empty((0, 2))), model.uv, sitting.material)]
    for mesh, uv, material in sitting.extras:
        moved = Mesh(mesh.vertices - origin, mesh.triangles, mesh.uv)
        pieces.append((moved, uv, np.full(len(mesh.triangles), material, dtype=np.uint8)))
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh, _, _ in pieces])
    return Scene(
        vertices_m=np.concatenate([mesh.vertices for mesh, _, _ in pieces]).astype(np.float32),
        triangles=np.concatenate(
            [mesh.triangles + start for (mesh, _, _), start in zip(pieces, starts[:-1], strict=True)]
        ).astype(np.int32),
        normals=np.concatenate([vertex_normals(mesh.vertices, mesh.triangles) for mesh, _, _ in pieces]).astype(
            np.float32
        ),
        uv=np.concatenate([uv for _, uv, _ in pieces]),
        texture=sitting.texture,
        material=np.concatenate([material for _, _, material in pieces]),
        landmarks_m=landmarks.astype(np.float32),
        attributes=_attributes(traits) | {"neckline": sitting.wears},
    )


@lru_cache(maxsize=1)
def _model() -> HeadModel:
    return head_model()


@lru_cache(maxsize=1)
def _canvas() -> Canvas:
    return Canvas.of(_model())


@lru_cache(maxsize=64)
def _traits(seed: int, person: int) -> _Traits:
    build = draw_build(seed, person)
    return _Traits(
        build=build,
        skin=skin.draw_skin(seed, person, build),
        brows=brows.draw_brows(seed, person, build),
        eyes=eyes.draw_eyes(seed, person, build),
        hair=hair_traits.draw_hair(seed, person, build),
        colour=draw_hair_colour(seed, person, build),
        beard=beard.draw_beard(seed, person, build),
        glasses=glasses.draw_glasses(seed, person, build),
    )


@lru_cache(maxsize=8)
def _rest(seed: int, person: int) -> tuple[FloatArray, FloatArray]:
    """Return the head at rest `(V, 3)` and the middle of the head `(3,)`, both in MakeHuman's frame."""
    model = _model()
    shape = model.bend(model.vertices_m, shape_weights(seed, person, _traits(seed, person).build))
    lids = np.concatenate([shape[model.points["left_lid"]], shape[model.points["right_lid"]]])
    x, y, _ = model.vertices_m.T
    ears = shape[(np.abs(x) > 0.0745) & (y > 0.675) & (y < 0.745)]
    return shape, np.array([0.0, lids[:, 1].mean(), ears[:, 2].mean()])


@lru_cache(maxsize=4)
def _sitting(seed: int, person: int, session: int) -> _Sitting:
    model, traits = _model(), _traits(seed, person)
    rest, _ = _rest(seed, person)
    worn = clothes.draw_clothes(seed, person, session, traits.build)
    raised = clothes.cloth_offsets(model, worn)
    beard_raised = beard.beard_offsets(model, seed, person, session, traits.beard)
    if beard_raised is not None:
        raised = np.maximum(raised, beard_raised)
    material = _MATERIAL_OF_PART[model.part]
    material[clothes.cloth_triangles(model, worn)] = Material.CLOTH
    extras: list[tuple[Mesh, FloatMap, Material]] = []
    locks = hair.grow_hair(model, rest, seed, person, session, traits.hair)
    if locks is not None:
        extras.append((locks, hair.hair_atlas_uv(locks), Material.HAIR))
    if traits.glasses is not None:
        frame, lenses = glasses.fit_glasses(model, rest, traits.glasses)
        for mesh, patch, kind in ((frame, atlas.FRAME, Material.FRAME), (lenses, atlas.LENS, Material.GLASS)):
            extras.append((mesh, np.broadcast_to(patch.middle(), (len(mesh.triangles), 3, 2)), kind))
    texture = _paint(seed, person, session, traits, worn)
    return _Sitting(texture, raised, material, tuple(extras), worn.neckline)


def _paint(seed: int, person: int, session: int, traits: _Traits, worn: clothes.Clothes) -> FloatMap:
    """Paint the whole atlas of one sitting."""
    canvas = _canvas()
    face = skin.skin_today(canvas, _bare_face(seed, person), seed, person, session, traits.skin)
    beard.paint_beard(canvas, face, seed, person, session, traits.beard, traits.colour)
    clothes.paint_clothes(canvas, face, seed, person, session, worn)
    texture = np.zeros((atlas.TEXTURE_SIZE, atlas.TEXTURE_SIZE, 4), dtype=np.float32)
    texture[atlas.HEAD.region] = face
    texture[atlas.HAIR.region] = hair_paint.paint_strands(seed, person, traits.hair, traits.colour)
    texture[atlas.EYE.region] = eyes.paint_eye(seed, person, traits.eyes)
    texture[atlas.MOUTH.region] = mouth.INSIDE
    texture[atlas.TONGUE.region] = mouth.TONGUE
    texture[atlas.TEETH.region] = mouth.paint_teeth(seed, person, traits.build)
    texture[atlas.SOCKET.region] = [0.30, 0.10, 0.085, 0.2]
    texture[atlas.LASH.region] = [0.020, 0.015, 0.012, 0.1]
    if traits.glasses is not None:
        texture[atlas.FRAME.region] = [*traits.glasses.frame, 0.8]
        texture[atlas.LENS.region] = [0.9, 0.9, 0.9, 1.0]
    texture.flags.writeable = False  # all takes of the sitting share it
    return texture


@lru_cache(maxsize=4)
def _bare_face(seed: int, person: int) -> FloatMap:
    """Return the head patch as it is for life: skin, brows, roots of the hair."""
    canvas, traits = _canvas(), _traits(seed, person)
    face = skin.paint_skin(canvas, seed, person, traits.build, traits.skin)
    brows.paint_brows(canvas, face, seed, person, traits.brows, traits.colour)
    hair_paint.paint_roots(canvas, face, seed, person, traits.hair, traits.colour)
    return face


def face_points(model: HeadModel, shape: FloatArray) -> FloatArray:
    """Return the five points `(5, 3)` of a shape `(V, 3)`: middles of the eyes, tip of the nose, mouth corners."""
    left, right = (shape[model.points[side]].mean(axis=0) for side in ("left_lid", "right_lid"))
    rim = model.points["mouth_rim"]
    corners = rim[np.argmin(model.vertices_m[rim, 0])], rim[np.argmax(model.vertices_m[rim, 0])]
    return np.stack([left, right, shape[model.points["nose_tip"][0]], *shape[list(corners)]])


def _attributes(traits: _Traits) -> dict[str, Any]:
    build = traits.build
    african, asian, caucasian = (round(share, 3) for share in build.ancestry)
    return {
        "sex": build.sex,
        "age_years": round(build.age_years, 1),
        "african": african,
        "asian": asian,
        "caucasian": caucasian,
        "weight": round(build.weight, 3),
        "skin_melanin": round(build.melanin, 3),
        "eye_colour": traits.eyes.colour,
        "hair_style": traits.hair.style.name,
        "hair_colour": traits.colour.name,
        "fringe": int(traits.hair.fringe),
        "beard": traits.beard.style if build.sex == "male" else "none",
        "glasses": traits.glasses.shape if traits.glasses is not None else "none",
        "freckles": round(traits.skin.freckles, 3),
        "moles": traits.skin.moles,
    }
