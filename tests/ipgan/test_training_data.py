from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from ipgan.training_data import check_training_manifest, has_pairs, open_training_data, sittings_of
from pifr.core.errors import DataError
from pifr.data import pixels
from pifr.data.manifest import make_manifest, read_manifest


def table_of(people, **columns):
    frame = pd.DataFrame({"path": [f"{i}.png" for i in range(len(people))], "subject": people, **columns})
    return make_manifest(frame, ".", "test")


def rewritten(people, tmp_path, change):
    manifest = read_manifest(people)
    table = change(manifest.table.assign(path=[str(path) for path in manifest.paths]))
    path = tmp_path / "changed.csv"
    table.to_csv(path, index=False)
    return path


def test_knows_people_sittings_and_yaws(people, small_recipe):
    data = open_training_data(small_recipe(people))
    assert len(data) == 9 * 7
    assert data.people_count == 9
    assert data.spec.size_px == data.store.size_px == 32
    assert set(np.bincount(data.sittings)) == {7}
    assert set(data.yaw_degrees) == {-90, -60, -30, 0, 30, 60, 90}


def test_yaw_can_be_left_unused(people, small_recipe):
    assert np.isnan(open_training_data(small_recipe(people, data={"use_yaw": False})).yaw_degrees).all()


def test_of_several_processes_the_first_decodes_for_the_others(people, small_recipe, monkeypatch):
    told = []

    @contextmanager
    def first():
        told.append("waits")
        yield
        told.append("goes on")

    opened = pixels.open_pixels
    monkeypatch.setattr(pixels, "main_first", first, raising=False)
    monkeypatch.setattr(pixels, "open_pixels", lambda *given: told.append("opens") or opened(*given))
    open_training_data(small_recipe(people, data={"unlabelled": str(people)}))
    assert told == ["waits", "opens", "goes on"] * 2


def test_sittings_need_agreement_in_every_column_there_is():
    manifest = table_of(["a", "a", "a", "b"], session=["1", "1", "2", "1"], illumination=["0", "0", "0", "0"])
    sittings = sittings_of(manifest, ("session", "recording", "illumination"))
    assert sittings[0] == sittings[1]
    assert len({sittings[0], sittings[2], sittings[3]}) == 3
    assert has_pairs(sittings)


def test_without_a_column_nobody_knows_sittings():
    sittings = sittings_of(table_of(["a", "a"]), ("session",))
    assert sittings.tolist() == [-1, -1]
    assert not has_pairs(sittings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t[t["subject"] == t["subject"].iloc[0]], "at least two people.*only '"),
        (lambda t: t[t["yaw"] == 0], "nobody has a second picture.*9 people with one picture each"),
        (lambda t: t.assign(split="other"), "no picture in split 'train'; use one of: other"),
        (lambda t: t.drop(columns="subject"), "no column 'subject'"),
    ],
)
def test_bad_manifests_are_refused_in_one_line(people, tmp_path, small_recipe, change, message):
    path = rewritten(people, tmp_path, lambda t: change(t[t["split"] == "train"]))
    with pytest.raises(DataError, match=message) as caught:
        check_training_manifest(small_recipe(path))
    assert "\n" not in str(caught.value)


def test_a_yaw_in_radians_is_suspected(people, tmp_path, small_recipe, capsys):
    path = rewritten(people, tmp_path, lambda t: t.assign(yaw=np.radians(t["yaw"])))
    check_training_manifest(small_recipe(path))
    assert capsys.readouterr().err.count("are they radians?") == 1
    with pytest.raises(DataError, match=r"found 63 pictures between -1.6 and 1.6 degrees, which is one view"):
        check_training_manifest(small_recipe(path, generator="crgan"))
    assert "are they radians?" in capsys.readouterr().err


def test_a_set_without_sittings_says_that_the_paired_loss_is_off(people, tmp_path, small_recipe, capsys):
    path = rewritten(people, tmp_path, lambda t: t.drop(columns=["session", "expression"]))
    check_training_manifest(small_recipe(path))
    said = capsys.readouterr().err
    assert "the paired loss is not used" in said
    assert "a column 'session', equal for pictures of one sitting" in said
    assert "--set 'data.sitting_columns=[COLUMN]'" in said
    check_training_manifest(small_recipe(path, losses={"paired": 0}))
    assert "paired" not in capsys.readouterr().err


def test_columns_in_which_no_two_pictures_agree_are_named(people, tmp_path, small_recipe, capsys):
    path = rewritten(people, tmp_path, lambda t: t.assign(session=[str(row) for row in range(len(t))]))
    check_training_manifest(small_recipe(path))
    assert "in session, expression no two pictures of a person agree" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "cure"),
    [
        (lambda t: t.drop(columns="yaw"), "pifr data pose MANIFEST --out posed.csv"),
        (lambda t: t.assign(yaw=0.5), "add pictures from other sides"),
    ],
)
def test_a_set_without_yaws_says_that_the_generator_will_know_no_degrees(
    people, tmp_path, small_recipe, capsys, change, cure
):
    path = rewritten(people, tmp_path, change)
    check_training_manifest(small_recipe(path))
    said = capsys.readouterr().err
    assert "will know no degrees, and pifr augment --yaws will refuse it" in said
    assert cure in said
    check_training_manifest(small_recipe(path, data={"use_yaw": False}))  # as it was asked for
    assert "know no degrees" not in capsys.readouterr().err
    check_training_manifest(small_recipe(people))
    assert "know no degrees" not in capsys.readouterr().err


@pytest.mark.parametrize("generator", ["drgan", "crgan"])
def test_a_generator_that_takes_views_is_not_warned_of_degrees(people, tmp_path, small_recipe, capsys, generator):
    path = rewritten(people, tmp_path, lambda t: t.assign(yaw=30.0))  # mirrored, these are two views
    check_training_manifest(small_recipe(path, generator=generator, augmentation={"flip": True}))
    assert "know no degrees" not in capsys.readouterr().err


def test_a_corrupt_picture_is_named_before_training(people, tmp_path, small_recipe):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n but no picture")
    path = rewritten(people, tmp_path, lambda t: t.assign(path=[str(broken), *t["path"][1:]], split="train"))
    with pytest.raises(DataError, match=r"row 1: .*broken.png"):
        open_training_data(small_recipe(path))
