"""``pifr benchmark`` on other people's data sets: what is wrong with them is one line, and nothing is half-written."""

import json
import runpy
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from pifr.cli.benchmark import _read, benchmark
from pifr.cli.compare import compare
from pifr.cli.report import report
from pifr.core.errors import DataError, PifrError
from pifr.data.manifest import Manifest

TREE = Path(__file__).resolve().parents[2] / "benchmarks" / "cfp_tree.py"
make_tree = runpy.run_path(str(TREE))["make_tree"]
MODULE = """
import numpy as np
from pifr.data.spec import InputSpec

def fine(pixels):
    grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
    return grid - grid.mean(axis=1, keepdims=True)

def coarse(pixels):
    return fine(pixels)[:, ::3]

def constant(pixels):
    return np.ones((len(pixels), 4), np.float32)

fine.spec = coarse.spec = constant.spec = InputSpec(size_px=64)
"""


def run(command, *arguments):
    outcome = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.fixture(scope="module")
def cfp(rendered, tmp_path_factory):
    """Twelve people of the twin in CFP's own layout, as benchmarks/cfp_tree.py makes it; 30 degrees count as 10."""
    yaw = rendered.table["yaw"].where(rendered.table["yaw"].abs() > 30, rendered.table["yaw"] / 3)
    people = Manifest(rendered.table.assign(yaw=yaw), rendered.folder)
    return make_tree(people, tmp_path_factory.mktemp("made") / "cfp", pairs=2, splits=3)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "tiny_embedders.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pifr.report.maps._MOST_PICTURES", 21)


def test_pictures_of_a_folder_that_are_left_out_are_named(tmp_path, capsys):
    folder = tmp_path / "multipie"
    folder.mkdir()
    (folder / "001_01_01_051_00.png").touch()
    try:
        (folder / "caf\udce9.png").touch()
    except OSError:
        pytest.skip("this disk takes names in UTF-8 alone")
    assert len(_read(str(folder), "posegrid", None)) == 1
    told = capsys.readouterr().err
    assert "caf\\udce9.png: its name is not UTF-8 (rename it)" in told
    assert "1 pictures left out" in told


def test_cfp_runs_from_its_folder_to_a_page_of_two_systems(cfp):
    for system in ("fine", "coarse"):
        printed = run(benchmark, "--protocol", "cfp-fp", "--data", cfp, "--embedder", f"python:tiny_embedders:{system}",
                      "--name", system, "--out", system, "--bootstrap", 20)  # fmt: skip
        assert "accuracy %" in printed
    found = json.loads(Path("fine/results.json").read_text())
    assert (found["protocol"]["pairs"], found["systems"][0]["people"]) == (48, 12)
    assert len(found["systems"][0]["accuracy_over_folds"]["folds_percent"]) == 3
    assert "EER" in run(compare, "fine", "coarse", "--bootstrap", 20)
    run(report, "fine", "coarse", "--out", "both.html")
    page = Path("both.html").read_text()
    assert page.count("<h2>One to one</h2>") == 1
    assert "human, published" in page
    assert "48 pairs, the published protocol has 7,000" in page


def test_a_tree_of_too_few_people_is_refused(rendered, tmp_path):
    with pytest.raises(DataError, match=r"10 splits need at least 20 people with .* and a profile, found 0 of 12"):
        make_tree(rendered, tmp_path / "cfp")
    assert not (tmp_path / "cfp").exists()


CASES = {
    "another data set": (["--protocol", "lfw", "--data", "CFP"], "not the promised layout: there is no pairs.txt"),
    "another again": (["--protocol", "ijbc", "--data", "CFP"], "there is no meta/ijbc_face_tid_mid.txt"),
    "a manifest for pairs": (["--protocol", "cfp-fp", "--data", "MANIFEST"], "not the promised layout"),
    "pairs for a manifest": (["--protocol", "posegrid", "--data", "CFP"], "Multi-PIE"),
    "missing pictures": (["--protocol", "cfp-fp", "--data", "HOLES"], "pictures named by pairs are missing, this one"),
    "missing copies": (["--protocol", "cfp-fp", "--data", "CFP", "--pictures", "EMPTY"], "named by pairs are missing"),
    "other alignment": (["--protocol", "cfp-fp", "--data", "CFP", "--template", "arcface-112"], "on 'unaligned'"),
    "one class": (["--protocol", "pairs", "--data", "ONE_CLASS"], "pairs of one person and pairs of two"),
    "a picture with itself": (["--protocol", "pairs", "--data", "ITSELF"], "a pair compares a picture with itself"),
    "constant scores": (["--protocol", "cfp-fp", "--data", "CFP", "--embedder", "CONSTANT"], "can be told apart"),
    "a gallery's copy": (["--protocol", "gallery-probe", "--data", "COPY"], "a probe is a copy of an enrolled picture"),
    "nobody enrolled": (["--protocol", "gallery-probe", "--data", "NOBODY"], "no picture to enrol"),
    "strangers only": (["--protocol", "gallery-probe", "--data", "STRANGERS"], "not one probe shows an enrolled"),
    "pictures of a manifest": (["--data", "MANIFEST", "--pictures", "EMPTY"], "--pictures: posegrid reads a manifest"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_wrong_data_is_one_line_and_leaves_nothing(case, cfp, rendered):
    arguments, message = CASES[case]
    places = {"CFP": cfp, "MANIFEST": rendered.folder / "manifest.csv", "EMPTY": "empty", "HOLES": "holes",
              "CONSTANT": "python:tiny_embedders:constant"}  # fmt: skip
    prepare(cfp, rendered)
    given = [places.get(word, f"{word.lower()}.csv" if word.isupper() else word) for word in arguments]
    if "--embedder" not in arguments:
        given += ["--embedder", "python:tiny_embedders:fine"]
    with pytest.raises(PifrError) as caught:
        run(benchmark, *given, "--out", "out", "--json", "out.json")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Path("out").exists()
    assert not Path("out.json").exists()


def prepare(cfp, rendered):
    """Damaged copies of good data in the current folder."""
    Path("empty").mkdir()
    shutil.copytree(cfp, "holes")
    next(Path("holes/Data/Images").glob("*/profile/01.png")).unlink()
    a1, a2, b1 = (rendered.paths[row] for row in (0, 1, 7))
    Path("one_class.csv").write_text(f"first,second,same\n{a1},{a2},1\n")
    Path("itself.csv").write_text(f"first,second,same\n{a1},{a1},1\n{a1},{b1},0\n")
    Path("same.png").write_bytes(a1.read_bytes())
    rows = {"copy": [(a1, "a", "gallery"), (b1, "b", "gallery"), ("same.png", "a", "probe")],
            "nobody": [(a1, "a", "probe"), (b1, "b", "probe")],
            "strangers": [(a1, "a", "gallery"), (b1, "b", "gallery"), (a2, "c", "probe")]}  # fmt: skip
    for name, lines in rows.items():
        text = "".join(f"{path},{person},{role}\n" for path, person, role in lines)
        Path(f"{name}.csv").write_text("path,subject,role\n" + text)
