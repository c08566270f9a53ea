"""Whose names are one data set's, whatever folder a manifest of it was written to."""

import os
from types import SimpleNamespace

import pandas as pd
import pytest

from pifr.data.manifest import make_manifest, read_manifest
from pifr.data.seen import data_folders, known_people


def manifest_in(folder, *pictures):
    """Write a manifest, in a folder of its own, of pictures that lie elsewhere; all show 001."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"path": [os.path.relpath(picture, folder) for picture in pictures], "subject": "001"})
    return make_manifest(table, folder, "people").save(folder / "people.csv")


def one_set(trained, tested):
    """Whether a model that learned from the one manifest, or names these folders, is told from the other's people."""
    folders = trained if isinstance(trained, list) else data_folders(trained)
    model = SimpleNamespace(training_people=frozenset(["001"]), training_folders=frozenset(folders))
    known, the_same = known_people(model, ["001", "002"], data_folders(tested))
    assert known == ["001"]
    return the_same


def test_a_data_set_is_told_by_where_its_manifest_and_its_pictures_lie(tmp_path):
    people = tmp_path / "pool" / "pictures"
    found = data_folders(manifest_in(tmp_path / "out", people / "001" / "a.png", people / "002" / "b.png"))
    assert found == [str(tmp_path / "out"), f"{people}/**"]


@pytest.mark.parametrize("places", [("s1/001", "s1/002"), ("s1/001",), ("s1/001", "s2/001", "s2/002"), ("s2/001",)])
def test_pictures_below_those_of_the_test_are_of_one_set_whatever_the_manifest(tmp_path, places):
    pictures = tmp_path / "pool"
    pool = manifest_in(tmp_path / "pool", *(pictures / s / p / "a.png" for s in ("s1", "s2") for p in ("001", "002")))
    part = manifest_in(tmp_path / "study" / "ipgan", *(pictures / place / "a.png" for place in places))
    assert one_set(part, pool)
    assert one_set(pool, part)
    assert one_set(part, manifest_in(tmp_path / "other study", *pool.paths))


def test_pictures_of_other_folders_are_of_another_set(tmp_path):
    first = manifest_in(tmp_path / "a", tmp_path / "a" / "pictures" / "1.png", tmp_path / "a" / "pictures" / "2.png")
    second = manifest_in(tmp_path / "b", tmp_path / "b" / "pictures" / "1.png")
    beside = manifest_in(tmp_path / "b", tmp_path / "a" / "pictures-of-others" / "1.png")
    for other in (second, beside):
        assert not one_set(first, other)
        assert not one_set(other, first)


def test_a_manifest_above_another_set_says_nothing_of_that(tmp_path):
    above = manifest_in(tmp_path, tmp_path / "mine" / "1.png")
    below = manifest_in(tmp_path / "other", tmp_path / "other" / "1.png")
    assert not one_set(above, below)
    assert not one_set(below, above)


def test_checkpoints_that_name_folders_of_manifests_alone_are_read_as_before(tmp_path):
    pool = manifest_in(tmp_path / "pool", tmp_path / "pool" / "s1" / "1.png", tmp_path / "pool" / "s2" / "1.png")
    part = manifest_in(tmp_path / "out", *pool.paths)
    assert one_set([str(tmp_path / "pool")], pool)
    assert one_set([str(tmp_path / "pool")], part)
    assert not one_set([str(tmp_path / "elsewhere")], pool)
    assert not one_set([str(tmp_path)], pool)
    assert one_set([], pool)  # a model that does not tell of which set its names are


def test_links_are_followed_and_a_container_is_a_folder(tmp_path):
    (tmp_path / "pool").mkdir()
    for name in ("1.png", "2.png"):
        (tmp_path / "pool" / name).touch()
        (tmp_path / "links").mkdir(exist_ok=True)
        (tmp_path / "links" / name).symlink_to(tmp_path / "pool" / name)
    table = pd.DataFrame({"path": ["links/1.png", "links/2.png"], "subject": "001"})
    linked = make_manifest(table, tmp_path, "linked")
    assert data_folders(linked) == [str(tmp_path), f"{tmp_path / 'pool'}/**"]
    pack = make_manifest(table.assign(path=["p/train.rec/1@0", "p/train.rec/2@90"]), tmp_path, "pack")
    assert data_folders(pack) == [str(tmp_path), f"{tmp_path / 'p' / 'train.rec'}/**"]


def test_pictures_that_have_the_root_alone_in_common_tell_no_folder(tmp_path):
    table = pd.DataFrame({"path": ["/one/a.png", "/two/b.png"], "subject": "001"})
    assert data_folders(make_manifest(table, tmp_path, "people")) == [str(tmp_path)]


def joined(folder, *places):
    """Write a manifest of pictures at PLACE/PERSON/a.png."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [os.path.relpath(folder.parent / place / "a.png", folder) for place in places]
    table = pd.DataFrame({"path": paths, "subject": [place.split("/")[-1] for place in places]})
    return make_manifest(table, folder, "people").save(folder / "people.csv")


def test_links_of_single_pictures_to_several_sets_tell_what_they_have_in_common(tmp_path):
    data, links = tmp_path / "data", tmp_path / "links"
    has_manifest(data / "A", data / "B", links)
    names = [f"{place}-{person}.png" for place in "AB" for person in "12"]
    for name in names:
        (data / name[0] / name).touch()
        (links / name).symlink_to(data / name[0] / name)
    linked = make_manifest(pd.DataFrame({"path": names, "subject": names}), links, "linked")
    assert data_folders(linked) == [str(links), f"{data}/**"]


def has_manifest(*folders):
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "manifest.csv").touch()


def test_sets_joined_in_one_manifest_are_not_one_with_what_lies_beside_them(tmp_path):
    data = tmp_path / "data"
    has_manifest(data / "A", data / "B" / "aligned")
    both = joined(tmp_path / "mixed", "data/A/001", "data/A/002", "data/B/aligned/x/n1", "data/B/aligned/x/n2")
    assert data_folders(both) == [str(tmp_path / "mixed"), f"{data}/A/**", f"{data}/B/aligned/x/**"]
    assert not one_set(both, joined(tmp_path / "test", "data/C/001", "data/C/002"))
    assert one_set(both, joined(tmp_path / "test", "data/A/001", "data/A/002"))
    assert one_set(both, joined(tmp_path / "test", "data/A/001", "data/C/002"))  # by what they have in common
    assert one_set([f"{data}/**"], both)  # of a checkpoint from before


@pytest.mark.parametrize(
    ("where", "places"),
    [
        ("mixed", ["data/001/001", "data/002/002"]),  # a folder a person
        ("mixed", ["data/A/001", "data/A/002", "data/B/001", "data/B/003"]),  # sessions: a person in both
        ("mixed", ["data/A/001", "data/A/002", "data/no manifest/003", "data/no manifest/004"]),
        ("mixed", ["data/A/001", "data/A/002", "data/003"]),  # pictures beside them
        ("data", ["data/A/001", "data/A/002", "data/B/003", "data/B/004"]),  # the manifest is there: this is the set
    ],
)
def test_parts_of_one_set_are_one_set_still(tmp_path, where, places):
    has_manifest(*(tmp_path / "data" / part for part in ("A", "B", "001", "002", "003")))
    assert data_folders(joined(tmp_path / where, *places)) == [str(tmp_path / where), f"{tmp_path / 'data'}/**"]


def test_a_table_of_many_pictures_is_told_by_one_of_each_folder(tmp_path):
    names = [f"s1/{number:05d}.png" for number in range(9999)] + ["s2/x.png"]
    pd.DataFrame({"path": names, "subject": "001"}).to_csv(tmp_path / "people.csv", index=False)
    assert data_folders(read_manifest(tmp_path / "people.csv")) == [str(tmp_path), f"{tmp_path}/**"]
