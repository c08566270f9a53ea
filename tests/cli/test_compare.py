"""``pifr compare`` as a user meets it."""

import json

import pytest
from click.testing import CliRunner

from pifr.cli.benchmark import benchmark
from pifr.cli.compare import compare
from pifr.core.errors import PifrError

MODULE = """
import numpy as np
from pifr.data.spec import InputSpec

class Grid:
    spec = InputSpec(size_px=64)
    step = 4
    def __call__(self, pixels):
        grid = pixels[:, 4::self.step, 4::self.step].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)

class Coarse(Grid):
    step = 16
"""


def run(command, *arguments):
    outcome = CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.fixture(scope="module")
def folders(rendered, tmp_path_factory):
    """Three benchmarks in the current folder: a, b, and both."""
    here = tmp_path_factory.mktemp("compare")
    (here / "grids.py").write_text(MODULE)
    rendered.save(here / "faces.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        make_benchmarks()
        yield


def make_benchmarks():
    common = ["--data", "faces.csv", "--bootstrap", 20]
    run(benchmark, *common, "--embedder", "python:grids:Grid", "--name", "grid", "--out", "a")
    run(benchmark, *common, "--embedder", "python:grids:Coarse", "--name", "coarse", "--out", "b")
    run(benchmark, *common, "--embedder", "python:grids:Grid", "--embedder", "python:grids:Coarse", "--name", "grid",
        "--name", "coarse", "--out", "both")  # fmt: skip


def test_two_folders_and_one_folder_say_the_same(folders):
    two = run(compare, "a", "b", "--bootstrap", 50, "--json", "two.json")
    one = run(compare, "both", "--systems", "grid,coarse", "--bootstrap", 50, "--json", "one.json")
    assert two == one
    with open("one.json") as a, open("two.json") as b:
        found = json.load(a)
        assert found == json.load(b)
    assert found["differences"][0]["figure"] == "rank-1"


def test_mistakes_are_one_line(folders):
    with pytest.raises(PifrError, match="needs two systems"):
        run(compare, "a")
    with pytest.raises(PifrError, match="no system 'fine', found grid, coarse"):
        run(compare, "both", "--systems", "grid,fine")
    with pytest.raises(PifrError, match="leave B or --systems away"):
        run(compare, "a", "b", "--systems", "x,y")
    with pytest.raises(PifrError, match="no benchmark here"):
        run(compare, "a", "nowhere")
