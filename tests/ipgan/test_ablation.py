import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from benchmarks import ablation
from benchmarks.ablation import ROWS, headline, merged, table
from ipgan.config import TrainConfig
from pifr.core.config import check_config, load_config
from pifr.core.files import write_json
from pifr.data.manifest import make_manifest


@pytest.mark.parametrize("row", list(ROWS))
def test_every_row_is_a_recipe_and_changes_it(row):
    full = check_config(TrainConfig, {"settle_steps": 10, "model": {"appearance_flow": True}}, "full").model_dump(
        mode="json"
    )
    cell = check_config(TrainConfig, merged(full, ROWS[row]), row).model_dump(mode="json")
    assert (cell != full) == (row != "full")


def test_every_row_suits_the_recipe_for_one_core():
    recipe = load_config(TrainConfig, Path(__file__).parents[2] / "benchmarks" / "ablation.yaml").model_dump(
        mode="json"
    )
    assert recipe["warmup_steps"] + recipe["settle_steps"] < recipe["steps"]
    for row, changes in ROWS.items():
        check_config(TrainConfig, merged(recipe, changes), row)


def test_changes_reach_into_sections_and_leave_the_recipe_alone():
    recipe = {"losses": {"kl": 1, "yaw": 2}, "steps": 3}
    assert merged(recipe, {"losses": {"kl": 0}}) == {"losses": {"kl": 0, "yaw": 2}, "steps": 3}
    assert recipe["losses"]["kl"] == 1


def test_headline_averages_the_turned_views():
    def value(number):
        return {"value": number}

    figures = {
        "rank1_percent_of_true_view_by_abs_yaw": {
            "dlib": {"all": value(9), "0": value(100), "45": value(80), "60": value(60), "90": value(None)}
        },
        "yaw_mae_degrees": value(3.0),
        "pixels_by_abs_yaw": {"l1": {"all": value(0.1)}, "ssim": {"all": value(0.5)}},
        "leakage": {"yaw_from_identity_percent": value(9.0), "person_from_pose_percent": value(2.0)},
    }
    found = headline(figures)
    assert found["dlib: rank-1, % of true views', 45-90"] == 70
    assert found["leakage: yaw from identity, %"] == 9


def test_table_gives_means_and_ranges():
    text = table({"full": {"0": {"L1": 0.1}, "1": {"L1": 0.3}}, "no KL": {"0": {"L1": 0.5}}})
    assert text.splitlines()[2] == "| full | 0.2 (0.1 to 0.3) |"
    assert text.splitlines()[3] == "| no KL | 0.5 |"


class Grid:
    """A grid whose training and measuring are written down; every figure is the number of the measurement."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.trained, self.measured, self.judge = folder, [], [], "0a"
        for name, colour in (("learn", 1), ("test", 2), ("more", 3)):
            Image.new("RGB", (8, 8), (colour, 0, 0)).save(folder / f"{name}.png")
            table = pd.DataFrame({"path": [f"{name}.png"], "subject": ["a"]})
            make_manifest(table, folder, name).save(folder / f"{name}.csv")
        monkeypatch.setattr(ablation, "train", self.train)
        monkeypatch.setattr(ablation, "Rotator", SimpleNamespace(load=lambda *given: SimpleNamespace(pose_map=1)))
        monkeypatch.setattr(ablation, "evaluate_generator", self.measure)
        monkeypatch.setattr(
            ablation, "load_embedder", lambda name, device: SimpleNamespace(name=name, sha256=self.judge)
        )

    def train(self, recipe, runs, *more):
        self.trained.append((recipe.steps, runs))
        return SimpleNamespace(run=SimpleNamespace(path=runs))

    def measure(self, *given, **more):
        self.measured.append(more)
        value = {"value": len(self.measured)}
        figures = {
            "rank1_percent_of_true_view_by_abs_yaw": {}, "yaw_mae_degrees": value,
            "pixels_by_abs_yaw": {"l1": {"all": value}, "ssim": {"all": value}},
            "leakage": {"yaw_from_identity_percent": value, "person_from_pose_percent": value},
        }  # fmt: skip
        return SimpleNamespace(save=lambda path: write_json(path, figures))

    def run(self, *more):
        recipe = Path(__file__).parents[2] / "benchmarks" / "ablation.yaml"
        ablation.main([
            str(recipe), "--data", str(self.folder / "test.csv"), "--rows", "full", "--judge", "j", "--out",
            str(self.folder / "out"), "--set", f"data.manifest={self.folder / 'learn.csv'}", *more,
        ])  # fmt: skip
        found = json.loads((self.folder / "out" / "ablation.json").read_text())
        return found["rows"]["full"]["0"]["yaw error, degrees"]


def test_a_cell_is_kept_as_long_as_nothing_of_it_differs(tmp_path, monkeypatch):
    grid = Grid(tmp_path, monkeypatch)
    assert [grid.run(), grid.run()] == [1, 1]
    assert grid.run("--set", "steps=650") == 2
    assert [steps for steps, _ in grid.trained] == [700, 650]
    assert [grid.run("--set", "steps=650", "--people", "1"), grid.run("--people", "1")] == [3, 4]
    assert grid.run("--people", "1", "--source", "illumination=07") == 5
    grid.judge = "0b"
    assert grid.run() == 6
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "test.png")
    assert [grid.run(), grid.run()] == [7, 7]
    before = grid.trained[-1][1]
    Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "learn.png")
    assert grid.run() == 8
    assert grid.trained[-1][1] != before  # a run that learned from other pictures is not gone on with


@pytest.mark.parametrize("changed", ["data.unlabelled", "identity.recognizer", "start_from"])
def test_a_cell_whose_other_teachers_changed_under_their_names_is_done_anew(tmp_path, monkeypatch, changed):
    grid = Grid(tmp_path, monkeypatch)
    weights = {"identity.recognizer": tmp_path / "watcher.safetensors", "start_from": tmp_path / "start.safetensors"}
    for path in weights.values():
        path.write_bytes(b"weights")

    def backbone(name):
        return SimpleNamespace(checkpoint=SimpleNamespace(weights_path=weights["identity.recognizer"]))

    monkeypatch.setattr(ablation, "load_backbone", backbone)
    monkeypatch.setattr(
        ablation, "read_stored", lambda name: SimpleNamespace(sha256=weights["start_from"].read_bytes().hex())
    )
    settings = {"data.unlabelled": tmp_path / "more.csv", "identity.recognizer": "watcher", "start_from": "start"}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    grid.run(*words)
    grid.run(*words)
    assert len(grid.trained) == 1
    if changed in weights:
        weights[changed].write_bytes(b"other weights")
    else:
        Image.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "more.png")
    grid.run(*words)
    (_, before), (_, after) = grid.trained
    assert before != after  # what was taught by others is not gone on with


def test_figures_of_which_nothing_is_known_are_measured_anew(tmp_path, monkeypatch):
    grid = Grid(tmp_path, monkeypatch)
    grid.run()
    (tmp_path / "out" / "full-0" / "cell.json").unlink()
    assert grid.run() == 2
