import json
import shutil

import numpy as np
import pytest

from ipgan import Rotator
from ipgan.stored import read_stored, shipped_names
from pifr.core.errors import CheckpointError
from pifr.data.manifest import read_manifest
from pifr.data.seen import data_folders


@pytest.fixture
def saved(trained, tmp_path):
    return Rotator.load(trained.run.path).save(tmp_path / "saved", name="mine", half=True)


def test_half_precision_is_half_the_size_and_turns_nearly_the_same(trained, saved, tmp_path):
    whole = Rotator.load(trained.run.path, precision="float32")
    full = whole.save(tmp_path / "full")
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (saved, full)]
    assert sizes[0] < 0.6 * sizes[1]
    half = Rotator.load(saved, precision="float32")
    faces = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    difference = np.abs(half.rotate(faces, [0]).astype(int) - whole.rotate(faces, [0]))
    assert half.name == "mine"
    assert difference.max() <= 2


def test_whom_it_learned_from_travels_along(trained, saved, people, tmp_path):
    manifest = read_manifest(people)
    for folder in (trained.run.path, saved):
        rotator = Rotator.load(folder, "cpu")
        assert rotator.training_people == set(manifest.of_split("train").subjects)
        assert rotator.training_folders == set(data_folders(manifest.of_split("train")))
    assert Rotator.load("twin-64", "cpu").training_people == frozenset()  # from before this was written


def test_other_weights_than_the_description_names_are_refused(saved):
    about = json.loads((saved / "meta.json").read_text())
    (saved / "meta.json").write_text(json.dumps({**about, "sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="not the ones expected"):
        read_stored(saved)


def test_weights_come_with_the_package():
    assert "twin-64" in shipped_names()


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_weights_are_small_checked_and_know_all_yaws(name):
    stored = read_stored(name)
    assert stored.name == name
    assert (stored.folder / "weights.safetensors").stat().st_size < 20e6
    assert json.loads((stored.folder / "meta.json").read_text())["sha256"] == stored.sha256
    rotator = Rotator.load(name, "cpu")
    size = rotator.spec.size_px
    views = rotator.rotate(np.full((1, size, size, 3), 128, np.uint8), [-90, 0, 90])
    assert views.shape == (1, 3, size, size, 3)


def test_a_folder_of_a_shipped_name_goes_first(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in shipped_names():
        shutil.copytree(saved, tmp_path / name)
        assert read_stored(name).name == "mine"
