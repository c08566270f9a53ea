"""Which side of a pair is turned to the front: the profile of CFP-FP, both where the order of a pair says nothing."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest

from pifr.augment.frontalise import FrontalisedEmbedder
from pifr.core.files import read_json
from pifr.data.pictures import read_picture, write_picture
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, evaluate, load_protocol

PEOPLE = ("001", "002", "003", "004")
SPEC = InputSpec(size_px=64)


class Mirror:
    """A stand-in generator: the frontal view of a face is its mirror image."""

    name, sha256, spec, yaw_range_degrees = "mirror", "d" * 64, SPEC, (-90.0, 90.0)

    def poses_for_yaws(self, yaws):
        return np.zeros((len(yaws), 1))

    def yaws(self, pixels):
        return np.full(len(pixels), 60.0)  # all are seen from the side

    def rotate(self, pixels, yaws):
        return pixels[:, None, :, ::-1]


class Grid:
    """Pixels on a coarse grid, as a unit vector."""

    name, sha256, spec = "grid", "e" * 64, SPEC

    def __call__(self, pixels):
        grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
        grid -= grid.mean(axis=1, keepdims=True)
        return grid / np.linalg.norm(grid, axis=1, keepdims=True)


@pytest.fixture
def cfp(tmp_path):
    """CFP's own layout: a frontal and a profile picture of noise of four people, two splits."""
    rng = np.random.default_rng(0)
    for side, folder in (("F", "frontal"), ("P", "profile")):
        lines = []
        for number, name in enumerate(PEOPLE, start=1):
            path = tmp_path / "Data" / "Images" / name / folder / "01.png"
            path.parent.mkdir(parents=True)
            write_picture(path, rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
            lines.append(f"{number} ../Data/Images/{name}/{folder}/01.png")
        (tmp_path / "Protocol").mkdir(exist_ok=True)
        (tmp_path / "Protocol" / f"Pair_list_{side}.txt").write_text("\n".join(lines))
    for kind, same in (("FP", ["1,1\n2,2", "3,3\n4,4"]), ("FF", ["1,2", "3,4"])):
        for split, (lines, other) in enumerate(zip(same, ["1,2\n2,1", "3,4\n4,3"], strict=True), start=1):
            folder = tmp_path / "Protocol" / "Split" / kind / f"{split:02d}"
            folder.mkdir(parents=True)
            (folder / "same.txt").write_text(lines)
            (folder / "diff.txt").write_text(other)
    return tmp_path


def sides(result):
    """Return the pictures of both sides of every pair, and the score of the frontalised system."""
    table = result.scores
    pictures = np.stack([read_picture(path) for path in table.pictures["path"]])
    return pictures[table.probe], pictures[table.reference], table.scores[result.systems[1].name]


def benchmark(data, protocol, out):
    inner = Grid()
    return evaluate(data, [inner, FrontalisedEmbedder(inner, Mirror())], protocol, out, measure=Measure(rounds=5))


def test_the_probe_of_cfp_fp_is_the_profile(cfp):
    applied = load_protocol("cfp-fp", cfp)
    paths = applied.data.table["path"].to_numpy(str)
    assert applied.probe_side
    assert all("profile" in path for path in paths[applied.probes])
    assert all("frontal" in path for path in paths[applied.enrolment])
    assert all("profile" in first and "frontal" in second for first, second in paths[applied.pairs])


def test_of_cfp_fp_profiles_are_turned_and_frontal_pictures_are_not(cfp, tmp_path, monkeypatch):
    monkeypatch.chdir(cfp)
    result = benchmark(cfp, "cfp-fp", tmp_path / "out")
    paths = result.scores.pictures["path"].to_numpy(str)
    assert all("profile" in path for path in paths[result.scores.probe])
    profile, frontal, scores = sides(result)
    np.testing.assert_allclose(scores, (Grid()(profile[:, :, ::-1]) * Grid()(frontal)).sum(1), atol=1e-5)
    assert result.systems[1].record["embeds"] == "probes"
    assert "embeds" not in result.systems[0].record
    assert not any("order" in note for note in result.protocol["notes"])


def test_where_the_order_of_a_pair_says_nothing_both_pictures_are_turned(cfp, tmp_path, monkeypatch):
    monkeypatch.chdir(cfp)
    rows = [(f"Data/Images/{a}/frontal/01.png", f"Data/Images/{b}/profile/01.png", int(a == b), 1 + int(a > "002"))
            for a in PEOPLE for b in PEOPLE if (a > "002") == (b > "002")]  # fmt: skip
    pd.DataFrame(rows, columns=["first", "second", "same", "fold"]).to_csv(cfp / "pairs.csv", index=False)
    result = benchmark(cfp / "pairs.csv", "pairs", tmp_path / "out")
    first, second, scores = sides(result)
    np.testing.assert_allclose(scores, (Grid()(first[:, :, ::-1]) * Grid()(second[:, :, ::-1])).sum(1), atol=1e-5)
    assert result.systems[1].record["embeds"] == "both sides"
    notes = read_json(tmp_path / "out" / "protocol.json")["notes"]
    assert any(note.startswith("grid + frontalised by mirror: the order of a pair says nothing here") for note in notes)


def test_a_bin_file_of_cfp_fp_does_not_say_which_picture_is_the_profile(cfp):
    data = [path.read_bytes() for path in sorted(cfp.rglob("*.png"))]
    (cfp / "cfp_fp.bin").write_bytes(pickle.dumps(([*data[:4], data[0], data[2]], [True, True, False])))
    assert not load_protocol("cfp-fp", cfp / "cfp_fp.bin").probe_side
