"""Skin, hair, beards, glasses and clothes: what is painted and grown follows the traits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.twin import beard, brows, clothes, eyes, glasses, hair, hair_colour, hair_paint, hair_traits, mouth, skin
from pifr.twin.bake import head_model
from pifr.twin.canvas import Canvas
from pifr.twin.expression import action_weights
from pifr.twin.head_model import HeadModel, Part
from pifr.twin.person import Build, draw_build
from pifr.twin.scene import EXPRESSIONS

MAN = Build("male", 40.0, (0.0, 0.0, 1.0), 0.5, 0.5, 0.12)
WOMAN = replace(MAN, sex="female")
STYLES = {style.name: style for style in hair_traits.hair_styles()}


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return head_model()


@pytest.fixture(scope="module")
def canvas(model: HeadModel) -> Canvas:
    return Canvas.of(model)


def _hair(name: str) -> hair_traits.HairTraits:
    return replace(hair_traits.draw_hair(0, 0, MAN), style=STYLES[name], fringe=False, parting=99.0, recess=0.0)


def test_skin_darkens_with_melanin_and_reddens_with_blood() -> None:
    def colour(melanin: float, blood: float) -> np.ndarray:
        one = np.ones((1, 1), dtype=np.float32)
        return skin.Pigments(one * melanin, one * blood).colour()[0, 0]

    tones = np.array([colour(melanin, 0.8) for melanin in (0.03, 0.15, 0.4, 0.8, 1.15)])
    assert (np.diff(tones, axis=0) < 0).all()
    assert (np.diff(tones, axis=1) < 0).all()  # red above green above blue, in every skin
    assert 0.6 < tones[0, 0] < 0.85
    assert tones[-1].max() < 0.12
    pale, ruddy = colour(0.1, 0.4), colour(0.1, 1.6)
    assert ruddy[0] / ruddy[1] > 1.2 * pale[0] / pale[1]


def test_painted_skin_is_in_range_and_lips_are_redder(canvas: Canvas) -> None:
    traits = replace(skin.draw_skin(0, 1, MAN), moles=0, blood=0.8, flush=0.1, lip_blood=2.4)
    face = skin.paint_skin(canvas, 0, 1, MAN, traits)
    assert np.isfinite(face).all()
    assert face.min() >= 0.0
    assert face.max() <= 1.0
    lips, cheek = face[canvas.lips > 0.9].mean(axis=0), face[canvas.spot(40.0, -5.0, 5.0, 5.0) > 0.7].mean(axis=0)
    assert lips[0] / lips[1] > 1.15 * cheek[0] / cheek[1]


def test_freckles_and_lines_show_only_where_there_are_some(canvas: Canvas) -> None:
    plain = replace(skin.draw_skin(0, 1, MAN), moles=0, freckles=0.0, lines=0.0)
    bare = skin.paint_skin(canvas, 0, 1, MAN, plain)
    nose = canvas.spot(10.0, -25.0, 10.0, 8.0) > 0.6
    freckled = skin.paint_skin(canvas, 0, 1, MAN, replace(plain, freckles=1.0))
    assert freckled[nose, 2].std() > 1.3 * bare[nose, 2].std()
    lined = skin.paint_skin(canvas, 0, 1, MAN, replace(plain, lines=1.2))
    forehead = canvas.spot(0.0, 52.0, 20.0, 10.0) > 0.6
    assert lined[forehead, 1].min() < 0.95 * bare[forehead, 1].min()


def test_brows_lie_over_the_eyes_in_the_colour_of_the_hair(canvas: Canvas) -> None:
    face = np.full((*canvas.up.shape, 4), 0.6, dtype=np.float32)
    colour = hair_colour.HairColour("black", np.array([0.01, 0.01, 0.01], dtype=np.float32), 0.0)
    traits = replace(brows.draw_brows(0, 1, MAN), density=1.0, bridge=0.0, liner=0.0, lashes=0.0)
    brows.paint_brows(canvas, face, 0, 1, traits, colour)
    dark = face[..., 0] < 0.3
    assert dark.sum() > 150
    assert canvas.up[dark].min() > 5.0
    assert canvas.up[dark].max() < 40.0
    assert canvas.aside[dark].min() > 3.0
    assert (canvas.x[dark] > 0).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("seed", [0, 1])
def test_eyes_have_a_dark_pupil_in_an_iris_in_a_white(seed: int) -> None:
    patch = eyes.paint_eye(seed, 3, eyes.draw_eyes(seed, 3, MAN))
    middle = patch.shape[0] // 2
    assert patch[middle, middle, :3].max() < 0.02
    assert patch[middle, 5, :3].min() > 0.2
    iris = patch[middle, middle + int(0.3 * middle), :3]
    assert patch[middle, middle, 0] < iris[0] < patch[middle, 5, 0]


def test_light_irises_and_fair_hair_are_not_drawn_for_dark_skin() -> None:
    dark = Build("female", 30.0, (1.0, 0.0, 0.0), 0.5, 0.5, 0.8)
    assert {eyes.draw_eyes(0, k, dark).colour for k in range(60)} <= {"dark brown", "brown", "hazel"}
    undyed = [hair_colour.draw_hair_colour(0, k, replace(dark, sex="male")).name for k in range(200)]
    assert sum(name in ("black", "dark brown", "brown", "grey") for name in undyed) > 185


def test_hair_greys_with_age() -> None:
    young = np.mean([hair_colour.draw_hair_colour(0, k, replace(MAN, age_years=25.0)).grey for k in range(50)])
    old = np.mean([hair_colour.draw_hair_colour(0, k, replace(MAN, age_years=74.0)).grey for k in range(50)])
    assert young < 0.05 < 0.7 < old


def test_every_style_is_worn_by_somebody_and_shares_sum_to_one() -> None:
    assert sum(style.male for style in STYLES.values()) == pytest.approx(1.0)
    assert sum(style.female for style in STYLES.values()) == pytest.approx(1.0)
    worn = {hair_traits.draw_hair(0, k, draw_build(0, k)).style.name for k in range(900)}
    assert worn == set(STYLES)


@pytest.mark.parametrize("name", [name for name in STYLES if name != "shaved"])
def test_hair_grows_outwards_and_only_long_hair_hangs(model: HeadModel, name: str) -> None:
    mesh = hair.grow_hair(model, model.vertices_m, 0, 5, 1, _hair(name))
    assert mesh is not None
    assert np.isfinite(mesh.vertices).all()
    assert mesh.triangles.max() < len(mesh.vertices)
    assert (mesh.vertices[:, 1].max() > model.vertices_m[:, 1].max()) == (name != "horseshoe")
    below = 0.7284 - mesh.vertices[:, 1].min()
    style = STYLES[name]
    if style.curtain_mm > 150:
        assert below > 0.1
    elif style.curtain_mm == 0 and name not in ("ponytail", "afro"):
        assert below < 0.08
    uv = hair.hair_atlas_uv(mesh)
    assert uv.min() >= 0.0
    assert uv.max() <= 1.0


def test_more_hair_stands_farther_off_and_a_shaved_head_has_none(model: HeadModel) -> None:
    assert hair.grow_hair(model, model.vertices_m, 0, 5, 1, _hair("shaved")) is None
    widths = [
        np.ptp(hair.grow_hair(model, model.vertices_m, 0, 5, 1, _hair(name)).vertices[:, 0])
        for name in ("buzz", "afro")
    ]
    assert widths[1] > widths[0] + 0.05


def test_hair_lies_differently_next_time_but_not_in_the_same_sitting(model: HeadModel) -> None:
    once, again, later = (hair.grow_hair(model, model.vertices_m, 0, 5, s, _hair("short")) for s in (1, 1, 2))
    np.testing.assert_array_equal(once.vertices, again.vertices)
    moved = np.abs(later.vertices - once.vertices).max()
    assert 1e-4 < moved < 0.02


def test_roots_are_painted_within_the_hairline(canvas: Canvas) -> None:
    face = np.full((*canvas.up.shape, 4), 0.6, dtype=np.float32)
    colour = hair_colour.HairColour("black", np.array([0.01, 0.01, 0.01], dtype=np.float32), 0.0)
    hair_paint.paint_roots(canvas, face, 0, 1, _hair("short"), colour)
    assert face[canvas.crown_angle < 40.0, 0].mean() < 0.1
    assert face[canvas.spot(0.0, 20.0, 30.0, 15.0) > 0.5, 0].min() > 0.55


def test_a_receding_hairline_moves_up_at_the_temples() -> None:
    line = _hair("short").hairline(np.array([-38.0, 0.0, 38.0, 180.0]))
    back = replace(_hair("short"), recess=20.0).hairline(np.array([-38.0, 0.0, 38.0, 180.0]))
    np.testing.assert_allclose(line - back, [26.0, 6.3, 26.0, 0.0], atol=0.5)


def test_women_have_no_beards_and_full_beards_stand_off_the_chin(model: HeadModel, canvas: Canvas) -> None:
    assert beard.draw_beard(0, 1, WOMAN).growth == 0.0
    assert beard.beard_offsets(model, 0, 1, 1, beard.draw_beard(0, 1, WOMAN)) is None
    full = beard.BeardTraits("full", 1.0, 12.0, 0.0)
    raised = beard.beard_offsets(model, 0, 1, 1, full)
    assert raised is not None
    assert raised.max() > 0.006
    assert raised[model.vertices_m[:, 1] > 0.7].max() < 0.003
    assert not raised[np.unique(model.triangles[model.part == Part.MOUTH])].any()
    face = np.full((*canvas.up.shape, 4), 0.6, dtype=np.float32)
    colour = hair_colour.HairColour("black", np.array([0.01, 0.01, 0.01], dtype=np.float32), 0.0)
    beard.paint_beard(canvas, face, 0, 1, 1, full, colour)
    chin, lips, brow = canvas.spot(0, -100, 9, 6) > 0.7, canvas.lips > 0.95, canvas.up > 15.0
    assert face[chin, 0].mean() < 0.15
    assert face[lips, 0].min() > 0.55
    assert face[brow, 0].min() > 0.55


def test_glasses_stand_before_the_eyes_and_reach_the_ears(model: HeadModel) -> None:
    traits = next(t for k in range(50) if (t := glasses.draw_glasses(0, k, MAN)) is not None)
    frame, lenses = glasses.fit_glasses(model, model.vertices_m, traits)
    eye = model.vertices_m[np.unique(model.triangles[model.part == Part.LEFT_EYE])]
    pupil = eye[np.argmax(eye[:, 2])]
    assert lenses.vertices[:, 2].min() > pupil[2]
    left = lenses.vertices[lenses.vertices[:, 0] < 0]
    assert left[:, 0].min() < pupil[0] < left[:, 0].max()
    assert left[:, 1].min() < pupil[1] < left[:, 1].max()
    assert frame.vertices[:, 2].min() < 0.06


def test_more_of_the_old_wear_glasses() -> None:
    def share(age: float) -> float:
        return float(np.mean([glasses.draw_glasses(0, k, replace(MAN, age_years=age)) is not None for k in range(300)]))

    assert 0.08 < share(20.0) < share(75.0) < 0.6


@pytest.mark.parametrize("neckline", clothes.NECKLINES)
def test_clothes_cover_the_shoulders_and_never_the_face(model: HeadModel, canvas: Canvas, neckline: str) -> None:
    red = np.array([0.5, 0.0, 0.0], dtype=np.float32)
    worn = clothes.Clothes(neckline, red, red, 0.0)
    face = np.full((*canvas.up.shape, 4), 0.6, dtype=np.float32)
    clothes.paint_clothes(canvas, face, 0, 1, 1, worn)
    assert face[canvas.up > -100.0, 1].min() > 0.55
    cloth = clothes.cloth_triangles(model, worn)
    assert cloth.any()
    middles = model.vertices_m[model.triangles[cloth]].mean(axis=1)
    assert middles[:, 1].max() < 0.7284 - 0.1
    raised = clothes.cloth_offsets(model, worn)
    assert raised[model.vertices_m[:, 1] > 0.64].max() == 0.0
    assert raised.max() == pytest.approx(0.006)


def test_teeth_lie_between_gum_and_edge() -> None:
    patch = mouth.paint_teeth(0, 1, MAN)
    assert patch.shape == (32, 64, 4)
    assert patch[2, 34, 0] / patch[2, 34, 1] > 2.0  # gum
    assert patch[-2, 34, 0] / patch[-2, 34, 1] < 1.2  # tooth


def test_unknown_expressions_are_refused_with_the_known_ones_named() -> None:
    with pytest.raises(DataError, match="did you mean 'squint'"):
        action_weights(0, 1, 1, "squnt")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_stay_in_range_and_keep_a_persons_manner(model: HeadModel, expression: str) -> None:
    takes = [action_weights(0, 1, session, expression) for session in range(20)]
    others = [action_weights(0, person, 1, expression) for person in range(20)]
    assert all(0.0 <= weight <= 1.0 for take in takes + others for weight in take.values())
    assert set(takes[0]) <= set(model.targets)
    for action in set(takes[0]) - {"eyeBlinkLeft", "eyeBlinkRight", "browInnerUp", "mouthPressLeft", "mouthPressRight"}:
        within, between = (np.std([take[action] for take in group]) for group in (takes, others))
        assert within < between


def test_faces_do_what_the_expression_says(model: HeadModel) -> None:
    def measures(expression: str) -> tuple[float, float]:
        shape = model.bend(model.vertices_m, action_weights(0, 1, 1, expression))
        lid, rim = shape[model.points["left_lid"]], shape[model.points["mouth_rim"]]
        return float(np.ptp(lid[:, 1])), float(np.ptp(rim[:, 1]))

    eye, mouth_open = measures("neutral")
    assert measures("squint")[0] < 0.75 * eye < 1.1 * eye < measures("surprise")[0]
    assert measures("scream")[1] > 3.0 * mouth_open
    assert measures("surprise")[1] > 2.0 * mouth_open
