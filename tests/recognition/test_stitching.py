"""DREAM taught behind a frozen recogniser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pifr.backbones import DreamConfig, load_backbone
from pifr.core.config import check_config
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pixels import open_pixels
from pifr.data.seen import data_folders
from pifr.recognition.embedders import load_embedder
from pifr.recognition.stitching import StitchConfig, StitchResult, stitch_dream


def recipe(trained: Path, people: Manifest, **changes: object) -> StitchConfig:
    values = {
        "run": str(trained),
        "data": people.name,
        "steps": 60,
        "batch_size": 16,
        "lr": 0.01,
        "dream": {"yaw": "manifest"},
    }
    return check_config(StitchConfig, {**values, **changes}, "test")


@pytest.fixture(scope="module")
def stitched(trained: Path, people: Manifest, tmp_path_factory: pytest.TempPathFactory) -> StitchResult:
    config = recipe(trained, people, dream={"yaw": "manifest", "gate": "code"})
    return stitch_dream(config, tmp_path_factory.mktemp("stitched"), device="cpu")


def test_profiles_come_nearer_to_their_frontal_mean(stitched: StitchResult) -> None:
    assert (stitched.people, stitched.profiles, stitched.left_out) == (8, 8 * 4, 0)
    assert stitched.distance_after < 0.7 * stitched.distance_before
    assert stitched.before is not None
    assert stitched.after is not None
    assert "32 profiles of 8 people" in stitched.table()


def test_the_backbone_stays_as_it_was(stitched: StitchResult, trained: Path) -> None:
    plain, with_block = load_backbone(trained).network, load_backbone(stitched.run.path).network
    for key, value in plain.state_dict().items():
        assert torch.equal(with_block.state_dict()[f"backbone.{key}"], value), key


def test_the_result_is_a_recogniser_that_moves_profiles_only(
    stitched: StitchResult, trained: Path, people: Manifest
) -> None:
    pixels, yaws = open_pixels(people, 64).images, people.yaw_degrees
    embedder = load_embedder(stitched.run.path, device="cpu")
    moved = np.abs(embedder(pixels, yaws) - load_embedder(trained, device="cpu")(pixels)).max(1)  # type: ignore[call-arg]
    assert moved[yaws == 0].max() < 1e-3 < moved[np.abs(yaws) == 90].min()


def test_its_description_names_everybody_it_learned_from(
    stitched: StitchResult, trained: Path, people: Manifest
) -> None:
    before, after = load_backbone(trained).meta, load_backbone(stitched.run.path).meta
    assert set(after["subjects"]) == set(before["subjects"])
    assert before["data_folders"] == after["data_folders"] == data_folders(people.of_split("train"))
    assert after["config"]["backbone"]["dream"] == {"gate": "code", "yaw": "manifest"}
    assert len(after["stitched_on_sha256"]) == 64


def test_the_same_recipe_teaches_the_same_block(trained: Path, people: Manifest, tmp_path: Path) -> None:
    config = recipe(trained, people, steps=5, dream={"yaw": "estimate"})
    first, second = (stitch_dream(config, tmp_path / name, device="cpu") for name in "ab")
    weights = [load_backbone(result.run.path).network.state_dict() for result in (first, second)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_people_without_one_of_the_kinds_are_left_out_and_counted(
    trained: Path, people: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people.table
    nobodys = (table["subject"] == table["subject"].iloc[0]) & (table["yaw"].abs() < 10)
    part = make_manifest(table[~nobodys], Path(people.folder), str(tmp_path / "part.csv")).save(tmp_path / "part.csv")
    config = recipe(trained, part, steps=1, train_split=None, validation_split=None)
    result = stitch_dream(config, tmp_path / "runs", device="cpu")
    assert result.left_out == 1
    assert result.people == len(people.subjects) - 1
    assert result.after is None
    assert "1 of 12 people have no near-frontal picture or no profile" in capsys.readouterr().err


def test_what_can_not_be_taught_is_refused_and_leaves_nothing(
    trained: Path, people: Manifest, stitched: StitchResult, tmp_path: Path
) -> None:
    cases = [
        ({"profile_degrees": 95.0}, None),
        ({"profile_degrees": 15.0}, "profiles begin beyond near-frontal"),
        ({"run": str(stitched.run.path)}, "has a DREAM block already"),
        ({"train_split": "val", "validation_split": "val"}, "training and validation both"),
    ]
    for changes, message in cases:
        if message is None:
            with pytest.raises(ConfigError, match="profile_degrees"):
                recipe(trained, people, **changes)
            continue
        with pytest.raises((ConfigError, DataError), match=message):
            stitch_dream(recipe(trained, people, **changes), tmp_path / "runs", device="cpu")
    frontal = people.select(people.table["yaw"].abs() < 10).save(tmp_path / "frontal.csv")
    with pytest.raises(DataError, match="nobody has a picture within 20 and one beyond 50 degrees"):
        stitch_dream(recipe(trained, frontal), tmp_path / "runs", device="cpu")
    assert not (tmp_path / "runs").exists()


def test_the_defaults_are_those_of_the_paper() -> None:
    config = check_config(StitchConfig, {"run": "r", "data": "d"}, "test")
    assert (config.frontal_degrees, config.profile_degrees, config.dream) == (20.0, 50.0, DreamConfig())
