import numpy as np
import pandas as pd
import pytest

from ipgan import Rotator
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.fidelity import evaluate_generator
from pifr.fidelity.views import make_views


@pytest.fixture
def lit(people):
    """Four unseen people; whoever's yaw-0, yaw-30 and yaw-60 pictures are there under two lights and a smile."""
    table = people.of_split("test").table
    sheets = []
    for light, expression in (("07", "neutral"), ("09", "neutral"), ("07", "smile")):
        sheet = table[table["yaw"].isin([0, 30] if light == "09" else [0, 30, 60])].copy()
        sheets.append(sheet.assign(illumination=light, expression=expression))
    return make_manifest(pd.concat(sheets, ignore_index=True), people.folder, "lit.csv")


def test_source_gallery_and_truth(generator, lit):
    views, table = make_views(generator, lit, people=3), lit.table
    assert len(views.people) == 3
    assert (table["subject"].to_numpy()[views.source] == views.people).all()
    assert set(table["illumination"][views.source]) == {"07"}
    # Another light and another expression both differ in one column; the first row wins, and it is frontal.
    assert set(table["illumination"][views.gallery]) == {"09"}
    assert set(table["yaw"][views.gallery]) == {0}
    assert views.gallery_is_other_sitting.all()
    assert views.yaw_degrees.tolist() == [0, 30, 60] * 3
    assert views.same_sitting.all()
    assert (table["yaw"].to_numpy()[views.true] == views.yaw_degrees).all()
    assert (table["subject"].to_numpy()[views.true] == views.people[views.person]).all()
    turned = generator.rotate(views.store[views.source], [0, 30, 60]).reshape(-1, 32, 32, 3)
    assert np.abs(views.generated.astype(int) - turned).max() <= 1


def test_a_stated_source(generator, lit):
    views = make_views(generator, lit, source={"illumination": "09"})
    assert set(lit.table["illumination"][views.source]) == {"09"}
    assert views.same_sitting.sum() == 8  # 60 degrees were not taken under that light
    with pytest.raises(ConfigError, match=r"no column 'ilumination'.*did you mean 'illumination'"):
        make_views(generator, lit, source={"ilumination": "09"})
    with pytest.raises(DataError, match="with illumination=13, found 0"):
        make_views(generator, lit, source={"illumination": "13"})


def test_one_sitting_finds_the_source_but_never_itself(generator, people):
    views = make_views(generator, people.of_split("test"))
    assert (views.gallery == views.source).all()
    assert not views.gallery_is_other_sitting.any()
    assert 0 not in views.yaw_degrees


def test_one_view_a_nominal_yaw_of_the_own_sitting_and_the_least_pitch(generator, lit):
    """Cameras overhead share a nominal yaw with those at the height of the eyes; another sitting is turned anew."""
    yaw = lit.table["yaw"] + (lit.table["illumination"] == "09") * 2.0
    table = lit.table.assign(yaw=yaw, pitch=0.0)
    overhead = table[table["yaw"] == 30].assign(yaw=30.4, pitch=35.0)
    manifest = make_manifest(pd.concat([overhead, table], ignore_index=True), lit.folder, "overhead.csv")
    views = make_views(generator, manifest)
    assert views.yaw_degrees.tolist() == [0, 30, 60] * 4
    assert not manifest.table["pitch"].to_numpy()[views.true].any()


def test_bad_input_is_one_line(generator, people):
    manifest = people.of_split("test")
    with pytest.raises(DataError, match="at least two people need a frontal source"):
        make_views(generator, manifest.select(manifest.yaw_degrees > 20))
    with pytest.raises(DataError, match="measured on at least two people"):
        make_views(generator, manifest.select(manifest.table["subject"] == manifest.subjects[0]))
    aligned = make_manifest(manifest.table.assign(template="arcface-112"), manifest.folder, "aligned.csv")
    with pytest.raises(DataError, match="aligned by template 'arcface-112'"):
        make_views(generator, aligned)
    blind = Rotator(generator.rotation, generator.spec, None, "blind", "", generator.device)
    with pytest.raises(DataError, match="blind: this generator knows no degrees"):
        make_views(blind, manifest)


def test_a_camera_above_shows_no_true_view(generator, lit):
    """The twin knows its yaw, 52 degrees, which would stand for 45 or for 60, whichever is nearer."""
    level = lit.table.assign(camera="05_1")
    level = level[~((level["yaw"] == 60) & (level["illumination"] == "07"))]
    above = lit.table[(lit.table["yaw"] == 60) & (lit.table["illumination"] == "07")].assign(camera="19_1", yaw=52.2)
    data = make_manifest(pd.concat([level, above], ignore_index=True), lit.folder, "room.csv")
    views = make_views(generator, data, source={"illumination": "07", "expression": "neutral"})
    assert set(data.table["camera"][views.true]) == {"05_1"}
    assert set(data.table["camera"][views.probed]) == {"05_1"}
    assert set(views.yaw_degrees) == {0, 30}
    found = evaluate_generator(generator, data, [], source={"illumination": "07"}, rounds=20, device="cpu")
    note = f"{len(above)} pictures are by cameras that hang above (08_1, 19_1): of no yaw group, as in Multi-PIE"
    assert found.protocol["notes"] == [note]
