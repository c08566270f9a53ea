import subprocess
import sys

import pytest
from click.testing import CliRunner
from PIL import Image

from ipgan.cli import ipgan_command, parse_yaws
from pifr.core.errors import CheckpointError, ConfigError, DataError, DependencyError
from pifr.data.manifest import read_manifest
from pifr.data.pictures import read_picture


def invoke(*arguments):
    result = CliRunner().invoke(ipgan_command, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def recipe_file(people, small_recipe, tmp_path, **changes):
    path = tmp_path / "recipe.yaml"
    path.write_text(small_recipe(people, **changes).to_yaml())
    return path


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["evaluate"]])
def test_help_has_examples(command):
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Examples" in result.output


def test_help_imports_no_torch():
    code = "import sys, ipgan.cli; sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_train_then_resume_then_sample(people, small_recipe, tmp_path):
    recipe = recipe_file(people, small_recipe, tmp_path, steps=1)
    result = invoke("train", recipe, "--runs", tmp_path / "runs", "--device", "cpu", "--tensorboard")
    assert list((tmp_path / "runs").glob("*/tensorboard/events*"))
    assert "1 steps, 8 pairs of 9 people" in result.output
    (folder,) = (tmp_path / "runs").iterdir()
    result = invoke("train", "--resume", folder, "--set", "steps=2", "--device", "cpu")
    assert "2 steps" in result.output
    out = tmp_path / "grid.png"
    result = invoke("sample", folder, people, "--split", "val", "--yaws=-30,0,30", "--out", out, "--device", "cpu")
    assert result.output.strip() == str(out)
    assert read_picture(out).shape == (6 * 36 + 4, 4 * 36 + 4, 3)  # three people, made and true


def test_dry_run_checks_everything_and_writes_nothing(people, small_recipe, tmp_path):
    recipe = recipe_file(people, small_recipe, tmp_path)
    result = invoke("train", recipe, "--dry-run", "--runs", tmp_path / "runs", "--set", "losses.kl=0.5")
    assert "63 pictures of 9 people; nothing was trained" in result.output
    assert "kl: 0.5" in result.output
    assert not (tmp_path / "runs").exists()
    with pytest.raises(DataError, match="no picture in split 'tran'"):
        invoke("train", recipe, "--dry-run", "--set", "data.split=tran")


def changed(people, tmp_path, picture, split="train"):
    """The manifest with its first picture of a split replaced."""
    manifest = read_manifest(people)
    table = manifest.table.assign(path=[str(path) for path in manifest.paths])
    first = (table["split"] == split).idxmax()
    table.loc[first, "path"] = str(picture)
    table.to_csv(tmp_path / "changed.csv", index=False)
    return tmp_path / "changed.csv"


@pytest.mark.parametrize(("content", "message"), [
    ("missing", "picture not found"), ("cut off", "can't decode the picture"),
    ("not square", "not square, found 20 x 30"),
])  # fmt: skip
def test_dry_run_finds_a_picture_that_would_stop_training(people, small_recipe, tmp_path, content, message):
    picture = tmp_path / "odd.png"
    if content == "not square":
        Image.new("RGB", (20, 30)).save(picture)
    elif content == "cut off":
        whole = read_manifest(people).paths[0].read_bytes()
        picture.write_bytes(whole[: len(whole) // 2])
    recipe = recipe_file(changed(people, tmp_path, picture), small_recipe, tmp_path)
    with pytest.raises(DataError, match=rf"row 1: .*odd.png: .*{message}") as error:
        invoke("train", recipe, "--dry-run", "--device", "cpu")
    assert "\n" not in str(error.value)


def test_dry_run_finds_a_grid_that_could_not_be_drawn(people, small_recipe, tmp_path):
    recipe = recipe_file(changed(people, tmp_path, tmp_path / "odd.png", "val"), small_recipe, tmp_path)
    for words in (["--dry-run"], ["--runs", tmp_path / "runs"]):
        with pytest.raises(DataError, match=r"odd.png: picture not found"):
            invoke("train", recipe, "--device", "cpu", *words)
    manifest = read_manifest(people)
    table = manifest.table.assign(path=[str(path) for path in manifest.paths])
    narrow = table[(table["yaw"].abs() <= 30) == (table["split"] == "train")]
    narrow.to_csv(tmp_path / "narrow.csv", index=False)
    recipe = recipe_file(tmp_path / "narrow.csv", small_recipe, tmp_path)
    with pytest.raises(
        DataError, match=r"grid_split.*no yaw of these pictures lies in the generator's range, found -30 to"
    ):
        invoke("train", recipe, "--dry-run", "--device", "cpu")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_pictures_and_other_sizes_train(people, small_recipe, tmp_path, mode):
    picture = tmp_path / "odd.png"
    Image.open(read_manifest(people).paths[0]).convert(mode).resize((50, 50)).save(picture)
    recipe = recipe_file(changed(people, tmp_path, picture), small_recipe, tmp_path, steps=1)
    assert "1 steps" in invoke("train", recipe, "--runs", tmp_path / "runs", "--device", "cpu").output


def test_dry_run_refuses_weights_and_runs_that_do_not_fit(trained, people, small_recipe, tmp_path):
    recipe = recipe_file(people, small_recipe, tmp_path)
    with pytest.raises(ConfigError, match="another generator, found 'ipgan' for 'crgan'"):
        invoke("train", recipe, "--dry-run", "--set", "generator=crgan", "--set", f"start_from={trained.run.path}")
    with pytest.raises(ConfigError, match="found another generator"):
        invoke("train", "--resume", trained.run.path, "--dry-run", "--set", "generator=crgan")
    assert "nothing was trained" in invoke("train", "--resume", trained.run.path, "--dry-run").output


def test_dry_run_refuses_to_go_on_with_other_pictures(trained, people, tmp_path):
    manifest = read_manifest(people)
    manifest.select(manifest.table["yaw"] <= 30).save(tmp_path / "fewer.csv")
    with pytest.raises(CheckpointError, match="pictures or the manifest changed"):
        invoke("train", "--resume", trained.run.path, "--dry-run", "--set", f"data.manifest={tmp_path / 'fewer.csv'}")


@pytest.mark.parametrize("last", ["--dry-run", "--tensorboard"])
def test_curves_without_the_package_are_refused_before_anything_is_written(
    people, small_recipe, tmp_path, monkeypatch, last
):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    recipe = recipe_file(people, small_recipe, tmp_path)
    with pytest.raises(DependencyError, match="--tensorboard needs the package"):
        invoke("train", recipe, "--runs", tmp_path / "runs", "--device", "cpu", "--tensorboard", last)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("arguments", [["train"], ["train", "x.yaml", "--resume", "runs/0"]])
def test_either_a_config_or_a_run(arguments):
    with pytest.raises(ConfigError, match="name a config, or a run to go on with"):
        invoke(*arguments)


def test_sample_refuses_yaws_that_are_none_or_out_of_range(trained, people, tmp_path):
    with pytest.raises(ConfigError, match="yaws are numbers"):
        parse_yaws("10,left")
    with pytest.raises(DataError, match="turns faces by"):
        invoke("sample", trained.run.path, people, "--yaws=0,150", "--out", tmp_path / "x.png", "--device", "cpu")
    assert not (tmp_path / "x.png").exists()


def test_a_known_failure_is_one_line_and_exit_code_one(tmp_path):
    program = [sys.executable, "-m", "ipgan", "train", str(tmp_path / "recipe.yaml")]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
