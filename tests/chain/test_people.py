from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from pifr.chain import run_chain
from pifr.chain.config import FRONTAL, GENERATED, TRUE_VIEWS, ChainConfig
from pifr.chain.people import recogniser_pictures
from pifr.core.config import check_config, load_config
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest, make_manifest


def pictures(rows: list[tuple[str, float, str]]) -> Manifest:
    table = pd.DataFrame(rows, columns=["subject", "yaw", "split"])
    table["path"] = [f"{i}.png" for i in range(len(table))]
    return make_manifest(table, Path(), "people.csv")


ROWS = [("a", 0.0, "train"), ("a", 45.0, "train"), ("b", 5.0, "train"), ("v", 90.0, "val"), ("t", 0.0, "test")]


@pytest.mark.parametrize(
    ("system", "kept"),
    [
        (FRONTAL, ["0.png", "2.png", "3.png"]),
        (GENERATED, ["0.png", "2.png", "3.png"]),  # the same real pictures: the views are what differs
        (TRUE_VIEWS, ["0.png", "1.png", "2.png", "3.png"]),
    ],
)
def test_systems_differ_only_in_the_training_peoples_turned_pictures(system: str, kept: list[str]) -> None:
    assert recogniser_pictures(pictures(ROWS), system, 10.0).table["path"].tolist() == kept


def test_test_people_are_never_in_it() -> None:
    assert "t" not in recogniser_pictures(pictures(ROWS), TRUE_VIEWS, 10.0).subjects


def test_a_person_lost_for_want_of_a_frontal_picture_is_named() -> None:
    with pytest.raises(DataError, match="1 training people have no picture within 10 degrees of frontal, found c"):
        recogniser_pictures(pictures([*ROWS, ("c", 60.0, "train")]), FRONTAL, 10.0)


VALID = {
    "name": "x",
    "pictures": {"manifest": "faces.csv"},
    "split": {"parts": {"train": 4, "val": 2, "test": 2}},
    "ipgan": {},
    "augment": {"yaws_degrees": [30]},
    "recognizer": {},
}


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"pictures": {}}, "name either manifest or twin"),
        ({"split": {"parts": {"train": 4, "test": 2}}}, "parts are train, val, test"),
        ({"systems": ["frontal onyl"]}, "unknown system 'frontal onyl'"),
        ({"systms": []}, "did you mean 'systems'"),
    ],
)
def test_a_wrong_recipe_is_one_line(change: dict[str, object], clause: str) -> None:
    check_config(ChainConfig, VALID, "valid.yaml")
    with pytest.raises(ConfigError, match=clause):
        check_config(ChainConfig, VALID | change, "wrong.yaml")


def test_counts_of_people_stay_counts() -> None:
    # A count read as a share would be refused, or worse, taken as one.
    assert all(isinstance(amount, int) for amount in check_config(ChainConfig, VALID, "x").split.parts.values())


def test_a_chain_whose_pictures_are_not_there_says_where_to_name_them_and_writes_nothing(tmp_path: Path) -> None:
    recipe = load_config(ChainConfig, "london", [f"pictures.manifest={tmp_path}/data/london/index.csv"])
    cure = "get these pictures, then name their manifest with --set pictures.manifest=YOUR/index.csv"
    with pytest.raises(DataError, match=f"london/index.csv: the pictures of this chain are not there; {cure}"):
        run_chain(recipe, tmp_path / "out", "cpu")
    pictures(ROWS).save(tmp_path / "data" / "london" / "index.csv")
    for folder in (tmp_path, Path("/")):
        named = load_config(ChainConfig, "london", [f"pictures.manifest={folder}"])
        with pytest.raises(DataError, match=f"^{folder}: this is a folder, a manifest is wanted; name the table in it"):
            run_chain(named, tmp_path / "out", "cpu")
    with pytest.raises(DataError, match="picture not found"):
        run_chain(recipe, tmp_path / "out", "cpu")
    assert not (tmp_path / "out").exists()
