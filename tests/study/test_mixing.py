"""Which ways of mixing are trained, and on whom."""

from types import SimpleNamespace

import pandas as pd
import pytest

from benchmarks.mixing import GRID, chosen_ways, claim_folder, parser, real_pictures, refuse_shared_people
from benchmarks.mixing_people import in_splits
from benchmarks.study.people import split_people
from pifr.data.manifest import make_manifest, read_manifest


def test_a_way_that_can_not_be_trained_is_left_out_or_refused():
    assert list(chosen_ways(None, "views.csv", "twin-64")) == list(GRID)
    assert all(not name.startswith("on the fly") for name in chosen_ways(None, "views.csv", None))
    assert list(chosen_ways(None, None, None)) == ["real alone"]
    assert list(chosen_ways(["disk, share 0.5", "real alone"], "views.csv", None)) == ["real alone", "disk, share 0.5"]
    with pytest.raises(SystemExit, match=r"no such way: disk, share 0\.6; there are: real alone; disk"):
        chosen_ways(["disk, share 0.6"], "views.csv", None)
    with pytest.raises(SystemExit, match=r"'on the fly, share 0\.5' needs --generator"):
        chosen_ways(["on the fly, share 0.5"], "views.csv", None)


def test_splits_share_nobody_and_the_test_is_another_sitting_in_other_lights():
    rows = [
        (f"{name}_{session}_{light}_{yaw}.png", name, float(yaw), session, light)
        for name in "abc" for session in ("01", "02") for light in ("07", "04") for yaw in (0, 60)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "session", "illumination"])
    drawn = {"A": ["a"], "B": ["b"], "C": ["c"]}
    parts = split_people(make_manifest(table, ".", "pool"), drawn, ["07"], ["04"])
    found = in_splits(parts).table.groupby("split")[["subject", "session", "illumination"]].agg(set)
    assert found.loc["val"].tolist() == [{"a"}, {"01"}, {"07"}]
    assert found.loc["train"].tolist() == [{"b"}, {"01"}, {"07"}]
    assert found.loc["test"].tolist() == [{"c"}, {"02"}, {"04"}]


def people_in(folder, train, test):
    """Write the people of a grid and views of those who train; return the words of a command line."""
    rows = [
        (f"{name}_{yaw}.png", name, float(yaw), split)
        for split, names in (("train", train), ("test", test)) for name in names for yaw in (0, 60)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "split"])
    for path in table["path"]:
        (folder / path).write_bytes(b"pixels")
    make_manifest(table, folder, "people").save(folder / "people.parquet")
    views = table[table["split"] == "train"]
    make_manifest(views, folder, "views").save(folder / "views.parquet")
    return [str(folder / "people.parquet"), "--views", str(folder / "views.parquet"), "--out", str(folder / "out")]


def test_people_drawn_anew_into_the_same_file_are_another_grid(tmp_path, monkeypatch):
    weights = ["0a"]
    monkeypatch.setattr("ipgan.stored.read_stored", lambda name: SimpleNamespace(sha256=weights[0]))
    options = parser().parse_args([*people_in(tmp_path, "abc", "de"), "--generator", "twin-64"])
    claim_folder(options)
    claim_folder(options)
    for changed in ("weights", "views", "people"):
        if changed == "weights":
            weights[0] = "0b"
        elif changed == "views":
            (tmp_path / "a_0.png").write_bytes(b"other pixels")
        else:
            people_in(tmp_path, "cde", "ab")
        with pytest.raises(SystemExit, match="this folder holds another grid"):
            claim_folder(options)
        (options.out / "grid.json").unlink()
        claim_folder(options)


def test_a_recipe_edited_under_its_old_name_is_another_grid(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("data: {manifest: a.csv}\nsteps: 5\n")
    options = parser().parse_args([*people_in(tmp_path, "abc", "de"), "--recipe", str(recipe)])
    claim_folder(options)
    recipe.write_text("# said in other words\ndata: {manifest: a.csv}\nsteps: 5\n")
    claim_folder(options)
    recipe.write_text("data: {manifest: a.csv}\nsteps: 5\nbatch: {people: 4}\n")
    with pytest.raises(SystemExit, match="this folder holds another grid"):
        claim_folder(options)


def test_nobody_is_trained_on_and_tested(tmp_path):
    arguments = people_in(tmp_path, "abc", "de")
    people = read_manifest(tmp_path / "people.parquet")
    real = real_pictures(people, 30.0, tmp_path / "real.parquet")
    refuse_shared_people(people.of_split("test"), real, arguments[2])
    people_in(tmp_path, "de", "abf")  # real.parquet is of those before
    test = read_manifest(tmp_path / "people.parquet").of_split("test")
    with pytest.raises(SystemExit, match=r"real\.parquet: 2 people of the test are trained on: a, b; "):
        refuse_shared_people(test, real, None)
    people_in(tmp_path, "abc", "de")
    with pytest.raises(SystemExit, match=r"views\.parquet: 2 people of the test are trained on: a, b; "):
        refuse_shared_people(test, None, arguments[2])
