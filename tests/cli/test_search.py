"""``pifr search`` as a user meets it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from pifr.cli.search import search
from pifr.core.errors import CheckpointError, DataError

MODULE = """
import numpy as np
from pifr.data.spec import InputSpec

class Tiny:
    spec, name, sha256 = InputSpec(size_px=64), "tiny", "{digest}"
    def __call__(self, pixels):
        grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "tiny_for_search.py").write_text(MODULE.format(digest="a" * 64))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delitem(__import__("sys").modules, "tiny_for_search", raising=False)
    return "python:tiny_for_search:Tiny"


@pytest.fixture
def manifests(rendered, tmp_path):
    frontal = rendered.select(rendered.yaw_degrees == 0).save(tmp_path / "gallery.csv")
    turned = rendered.select(rendered.yaw_degrees == 30).save(tmp_path / "probes.csv")
    return frontal.name, turned.name


def run(*arguments):
    outcome = CliRunner().invoke(search, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize("kind", ["flat", "flat16", "hnsw"])
def test_people_are_enrolled_and_found(module, manifests, rendered, tmp_path, kind):
    gallery, probes = manifests
    said = run("build", "--data", gallery, "--embedder", module, "--kind", kind, "--out", tmp_path / "index")
    assert said.startswith("12 templates of 12 people")
    printed = run("query", tmp_path / "index", "--data", gallery, "--top", 2, "--json", tmp_path / "a.json")
    answers = json.loads((tmp_path / "a.json").read_text())["answers"]
    assert len(answers) == 24
    first = [each for each in answers if each["rank"] == 1]
    assert all(each["picture"] == each["template"] for each in first)
    np.testing.assert_allclose([each["cosine"] for each in first], 1, atol=2e-3)
    assert "person" in printed
    run("query", tmp_path / "index", "--data", probes, "--no-cache")


def test_other_weights_are_refused(module, manifests, tmp_path):
    run("build", "--data", manifests[0], "--embedder", module, "--out", tmp_path / "index")
    meta = tmp_path / "index" / "index.json"
    meta.write_text(meta.read_text().replace("a" * 64, "b" * 64))
    with pytest.raises(CheckpointError, match="not those the gallery was embedded with"):
        run("query", tmp_path / "index", "--data", manifests[1])


def test_a_picture_that_can_not_be_enrolled_is_named(module, manifests, rendered, tmp_path):
    table = rendered.table[:3].assign(path=[str(path) for path in rendered.paths[:3]])
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table.loc[1, "path"] = "bad.png"
    table.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(DataError, match=r"bad\.png: 1 of 3 pictures gave no embedding"):
        run("build", "--data", tmp_path / "bad.csv", "--embedder", module, "--out", tmp_path / "index")
    assert not (tmp_path / "index").exists()
