"""Benchmarks side by side, their tables as files, and figures that come back from three files alone."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pifr.cli.report import report
from pifr.core.errors import DataError
from pifr.core.files import write_json
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, evaluate, read_result
from pifr.evaluation.comparison import pair_results
from pifr.evaluation.joining import join_results
from pifr.evaluation.tables import save_tables


class Grid:
    """Pixels on a coarse grid, minus their mean."""

    sha256, spec = "0" * 64, InputSpec(size_px=64)

    def __init__(self, name, step):
        self.name, self.step = name, step

    def __call__(self, pixels):
        grid = pixels[:, 4 :: self.step, 4 :: self.step].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


THREE = ("scores.parquet", "protocol.json", "environment.json")


@pytest.fixture(scope="module")
def two(rendered, tmp_path_factory):
    """Two benchmarks of the same comparisons, one system each, apart and saved; and both in one call."""
    root = tmp_path_factory.mktemp("two")
    measure = Measure(rounds=40, fars=(0.2, 0.02), ranks=(1, 3), bin_degrees=30)
    options = {"measure": measure, "by": ["expression"]}
    fine, coarse = Grid("fine", 4), Grid("coarse", 16)
    apart = [evaluate(rendered, [each], out=root / each.name, **options) for each in (fine, coarse)]
    return apart, evaluate(rendered, [fine, coarse], **options)


def test_results_come_back_exactly_from_three_files(two, tmp_path):
    folder = two[0][0].folder
    written = json.loads((folder / "results.json").read_text())
    for name in THREE:
        shutil.copy(folder / name, tmp_path / name)
    done = CliRunner().invoke(
        report, [str(tmp_path), "--out", str(tmp_path / "r.html"), "--tables", str(tmp_path / "t")]
    )
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "t" / "results.json").read_text()) == written
    assert (tmp_path / "t" / "results.csv").read_bytes() == (folder / "results.csv").read_bytes()
    assert written["systems"][0]["rank3_percent"] is not None  # the measure is the benchmark's, not the default one
    assert list(written["systems"][0]["by_column"]) == ["expression"]


def test_joined_benchmarks_are_what_one_call_measures(two):
    apart, together = two
    (joined,) = join_results(apart)
    assert [system.to_dict() for system in joined.systems] == [system.to_dict() for system in together.systems]


def test_the_order_of_comparisons_and_names_do_not_matter(two):
    first = two[0][0]
    order = np.random.default_rng(0).permutation(len(first.scores))
    (joined,) = join_results([first, replace(first, scores=first.scores.select(order))])
    assert [system.name for system in joined.systems] == ["fine (fine)", "fine (fine) 2"]
    a, b = (system.to_dict() for system in joined.systems)
    assert {**a, "name": ""} == {**b, "name": ""}


def test_other_comparisons_or_data_stay_apart(two):
    first, second = two[0]
    fewer = replace(second, scores=second.scores.select(np.arange(len(second.scores)) > 0))
    elsewhere = replace(second, protocol={**second.protocol, "folder": "/elsewhere"})
    assert len(join_results([first, fewer, elsewhere])) == 3


def test_scores_never_lie_beside_the_protocol_of_an_older_benchmark(two, tmp_path, monkeypatch):
    """The disk fills up after the scores: what is read back is one benchmark or the other, not both."""
    apart, _ = two
    apart[0].save(tmp_path / "bench")

    def full(path, values):
        if "environment" in path.name or "results" in path.name:
            raise OSError(28, "No space left on device")
        write_json(path, values)

    monkeypatch.setattr("pifr.evaluation.results.write_json", full)
    with pytest.raises(OSError, match="No space"):
        apart[1].save(tmp_path / "bench")
    assert [each.name for each in read_result(tmp_path / "bench").systems] == ["coarse"]
    record = json.loads((tmp_path / "bench" / "protocol.json").read_text())
    assert list(record["systems"]) == ["coarse"]


def test_streamed_benchmarks_of_other_yaw_groups_stay_apart(rendered, tmp_path):
    """Yaws may have been corrected, or left out for cameras above, between two benchmarks of the same pictures."""
    measure = Measure(rounds=20, fars=(0.2,), bin_degrees=30)
    moved = replace(rendered, table=rendered.table.assign(yaw=np.where(rendered.yaw_degrees > 40, np.nan,
                                                                        rendered.yaw_degrees)))  # fmt: skip
    results = [evaluate(each, [Grid("fine", 4)], out=tmp_path / name, measure=measure, max_score_rows=50)
               for name, each in (("old", rendered), ("new", moved))]  # fmt: skip
    assert len(join_results(results)) == 2
    assert len(join_results([results[0], results[0]])) == 1
    for pair in (results, results[::-1]):
        with pytest.raises(DataError, match="do not hold the same comparisons in the same groups"):
            pair_results(*pair)


def test_tables_hold_the_curves(two, tmp_path):
    (joined,) = join_results(two[0])
    save_tables(joined, tmp_path)
    cmc = pd.read_csv(tmp_path / "cmc.csv")
    for system in joined.systems:
        mine = cmc[cmc["system"] == system.name].set_index("rank")["share"]
        assert mine[1] == pytest.approx(system.overall.rank[1])
        assert mine[3] == pytest.approx(system.overall.rank[3])
        assert mine.is_monotonic_increasing
    roc = pd.read_csv(tmp_path / "roc.csv")
    fine = roc[roc["system"] == "fine"]
    gap = (fine["fmr"] - fine["fnmr"]).abs()
    assert (fine["fmr"] + fine["fnmr"])[gap.idxmin()] / 2 == pytest.approx(joined.systems[0].overall.eer, abs=0.02)
    yaws = pd.read_csv(tmp_path / "yaw_by_yaw.csv")
    assert set(yaws["yaw"]) == {-90, -60, -30, 0, 30, 60, 90}


def test_runs_of_two_protocols_get_a_folder_of_tables_each(two, tmp_path):
    first, second = two[0]
    other = tmp_path / "other"
    replace(second, protocol={**second.protocol, "name": "mine"}).save(other)
    done = CliRunner().invoke(
        report,
        [
            str(first.folder),
            str(other),
            "--out",
            str(tmp_path / "r.html"),
            "--tables",
            str(tmp_path / "t"),
            "--bootstrap",
            "20",
        ],
    )
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "t" / "1-posegrid" / "results.json").read_text())["measure"]["bootstrap_rounds"] == 20
    assert (tmp_path / "t" / "2-mine" / "results.csv").is_file()


def test_old_folders_without_settings_still_open(two, tmp_path):
    folder = two[0][0].folder
    shutil.copy(folder / "scores.parquet", tmp_path / "scores.parquet")
    again = read_result(tmp_path)
    assert again.measure == Measure()
    assert again.systems[0].overall.rank[1] == two[0][0].systems[0].overall.rank[1]
