"""The whole story on a few rendered people, with as few steps as there can be."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pifr.chain import ChainConfig, run_chain
from pifr.chain.config import FRONTAL, GENERATED, TRUE_VIEWS
from pifr.core.checkpoint import save_checkpoint
from pifr.core.config import check_config, find_recipe, load_config
from pifr.core.runs import RunFolder
from pifr.data.manifest import Manifest, make_manifest, read_manifest
from pifr.data.pictures import read_picture

UNCHECKED = {"max_yaw_error_degrees": None, "min_sharpness": None, "min_difference": None}
"""Two steps teach no face: the checks would reject every view."""


@pytest.fixture(scope="module")
def recipe(rendered: Manifest) -> ChainConfig:
    values = {
        "name": "tiny",
        "pictures": {"manifest": rendered.name},
        "split": {"parts": {"teachers": 4, "train": 3, "val": 2, "test": 3}},
        "ipgan": {"steps": 2, "batch_size": 4, "model": {"generator_channel_base": 256}},
        "augment": {"yaws_degrees": [-60, 60], "acceptance": UNCHECKED},
        "recognizer": {"steps": 2, "batch": {"people": 2}, "backbone": {"width": 0.25}},
        "systems": [FRONTAL, GENERATED, TRUE_VIEWS],
        "bootstrap_rounds": 100,
    }
    return check_config(ChainConfig, values, "test")


@pytest.mark.slow
def test_a_chain_runs_to_its_report_and_is_kept_the_second_time(
    recipe: ChainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tiny"
    result = run_chain(recipe, out, "cpu")
    summary = json.loads((out / "summary.json").read_text())
    assert summary == result.to_dict()
    assert set(summary["rank1_percent_by_abs_yaw"]) == {FRONTAL, GENERATED, TRUE_VIEWS}
    assert set(summary["rank1_percent_by_abs_yaw"][GENERATED]) == {"30", "60", "90"}
    assert summary["seconds"] == pytest.approx(sum(summary["seconds_by_stage"].values()), abs=0.1)

    people = read_manifest(out / "people.csv")
    (made_of_them,) = (out / "views").iterdir()
    views = read_manifest(made_of_them / "manifest.csv")
    assert views.subjects == people.of_split("train").subjects  # nobody else is turned
    given = read_manifest(out / "recogniser-frontal-only.csv").of_split("train")
    assert given.subjects == views.subjects
    assert set(given.yaw_degrees) == {0.0}

    page = (out / "report.html").read_text()
    assert page.index("Rank-1 by") < page.index("People the generator never saw") < page.index("Rank-1 against yaw")

    made = {path: path.stat().st_mtime_ns for path in out.rglob("weights.safetensors")}
    capsys.readouterr()
    assert run_chain(recipe, out, "cpu").to_dict() == summary
    assert capsys.readouterr().err.count("done before") == len(summary["seconds_by_stage"])
    assert {path: path.stat().st_mtime_ns for path in out.rglob("weights.safetensors")} == made


@pytest.mark.parametrize("name", ["demo", "london"])
def test_the_shipped_recipes_are_valid(name: str) -> None:
    import ipgan
    from pifr.recognition import RecognizerConfig
    from pifr.twin import TwinConfig

    config = load_config(ChainConfig, find_recipe(name))
    check_config(ipgan.TrainConfig, config.ipgan, name)
    check_config(RecognizerConfig, {**config.recognizer, "data": {"manifest": "x.csv"}}, name)
    if config.pictures.twin is not None:
        check_config(TwinConfig, config.pictures.twin, name)


def test_a_run_of_other_pictures_is_never_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other people under the same path: a stage killed before its first checkpoint begins again, not an older run."""
    import ipgan
    from pifr.chain import chain
    from pifr.chain.stages import StageBook, StageRecord

    config, book = load_config(ChainConfig, find_recipe("demo")), StageBook(tmp_path)
    resumed: list[Path | None] = []

    def train(settings: ipgan.TrainConfig, runs: Path, resume: Path | None, device: str) -> SimpleNamespace:
        resumed.append(resume)
        if len(resumed) in (2, 3):
            raise KeyboardInterrupt
        run = RunFolder.create(runs, "train", settings)
        save_checkpoint(run.checkpoints, settings.steps, {}, {}, {})
        return SimpleNamespace(run=run)

    monkeypatch.setattr(ipgan, "train", train)
    for key in ("first people", "others", "others", "others"):
        with contextlib.suppress(KeyboardInterrupt):
            chain._train_generator(config, tmp_path, book, StageRecord(key, 0.0, tmp_path / "people.csv"), "cpu")
    assert resumed == [None, None, None, None]


def test_a_chain_killed_after_a_checkpoint_goes_on_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ipgan
    from pifr.chain import chain
    from pifr.chain.stages import StageBook, StageRecord

    config = load_config(ChainConfig, find_recipe("demo"))
    resumed: list[Path | None] = []
    made: list[Path] = []

    def train(settings: ipgan.TrainConfig, runs: Path, resume: Path | None, device: str) -> SimpleNamespace:
        resumed.append(resume)
        if resume is not None:
            return SimpleNamespace(run=RunFolder(resume))
        run = RunFolder.create(runs, "train", settings)
        made.append(run.path)
        save_checkpoint(run.checkpoints, 1, {}, {}, {})
        raise KeyboardInterrupt

    monkeypatch.setattr(ipgan, "train", train)
    pictures = StageRecord("people", 0.0, tmp_path / "people.csv")
    with pytest.raises(KeyboardInterrupt):
        chain._train_generator(config, tmp_path, StageBook(tmp_path), pictures, "cpu")
    record = chain._train_generator(config, tmp_path, StageBook(tmp_path), pictures, "cpu")
    assert resumed == [None, *made]
    assert [record.output] == made


def test_other_pictures_and_other_sizes_are_aligned_into_folders_of_their_own(
    recipe: ChainConfig, rendered: Manifest, tmp_path: Path
) -> None:
    from pifr.chain import chain
    from pifr.chain.stages import StageBook

    source = rendered.select(rendered.yaw_degrees == 0).save(tmp_path / "faces.csv")
    for size_px, rows in ((32, 12), (40, 12), (32, 11), (32, 12)):
        source.select(np.arange(12) < rows).save(tmp_path / "faces.csv")
        values = {**recipe.model_dump(), "split": {"parts": {"train": 4, "val": 2, "test": 2}}}
        values["pictures"] = {"manifest": source.name, "template": "crop", "size_px": size_px}
        config = check_config(ChainConfig, values, "test")
        fingerprint = chain._fingerprint(config.pictures.manifest)
        record = chain._prepare_pictures(config, tmp_path / "out", StageBook(tmp_path / "out"), fingerprint)
        assert read_picture(read_manifest(record.output).paths[0]).shape == (size_px, size_px, 3)
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 3


def test_another_twin_is_rendered_into_a_folder_of_its_own(
    recipe: ChainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pifr import twin
    from pifr.chain import chain

    folders: list[Path] = []
    monkeypatch.setattr(twin, "render_twin", lambda config, out, workers: folders.append(out))
    for choice in ({"people": 2, "seed": 0}, {"people": 3, "seed": 0}, {"people": 2, "seed": 1}):
        values = {**recipe.model_dump(), "pictures": {"twin": choice}}
        chain._source_pictures(check_config(ChainConfig, values, "test"), tmp_path)
    first, more, other = folders
    assert first == more != other


def test_views_by_another_generator_get_a_folder_of_their_own(
    recipe: ChainConfig, rendered: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ipgan
    from pifr.chain import chain
    from pifr.chain.stages import StageBook, StageRecord

    people = tmp_path / "people.csv"
    make_manifest(rendered.table.assign(split="train"), rendered.folder, "people").save(people)
    folders: list[Path] = []

    def augment(people: Manifest, rotator: object, out: Path, config: object) -> SimpleNamespace:
        folders.append(out)
        raise KeyboardInterrupt

    monkeypatch.setattr(chain, "augment", augment)
    for key, weights in (("first", "a"), ("first", "a"), ("first", "b"), ("other", "b")):
        monkeypatch.setattr(ipgan.Rotator, "load", lambda *_, weights=weights: SimpleNamespace(sha256=weights))
        pictures, generator = StageRecord("x", 0.0, people), StageRecord(key, 0.0, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            chain._make_views(recipe, tmp_path, StageBook(tmp_path), pictures, generator, "cpu")
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3
