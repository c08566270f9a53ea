"""A streamed benchmark says what a table of all scores says; its summary and its kept scores say it again."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, compare, evaluate, identification, read_result
from pifr.evaluation.blocks import EmbeddedBlocks, OneSearch, ScoreBlock, empty_table
from pifr.evaluation.comparison import pair_results
from pifr.evaluation.figures import SystemScores
from pifr.evaluation.joining import join_results
from pifr.evaluation.measuring import measure_scores, measure_stream
from pifr.evaluation.openset import open_set
from pifr.evaluation.passes import stream_system
from pifr.evaluation.poses import pose_matrix
from pifr.evaluation.results import SAMPLE
from pifr.evaluation.scores import ScoreTable, read_scores
from pifr.evaluation.scoring import Embedded
from pifr.evaluation.stream_file import ParquetBlocks, write_stream
from pifr.evaluation.summary import SUMMARY, read_summary
from pifr.evaluation.tables import save_tables
from pifr.report import write_report

QUICK = Measure(rounds=30)
FILES = {"scores_summary.npz", "scores_sample.parquet", "protocol.json", "environment.json", "results.json",
         "results.csv"}  # fmt: skip


class Grid:
    """Pixels on a coarse grid, minus their mean."""

    sha256, spec = "0" * 64, InputSpec(size_px=64)

    def __init__(self, name: str, step: int) -> None:
        self.name, self.step = name, step

    def __call__(self, pixels):
        grid = pixels[:, 4 :: self.step, 4 :: self.step].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


class TableBlocks:
    """The comparisons of a score table, a few probes a block: the same scores for both ways."""

    def __init__(self, table: ScoreTable, probes: int = 5, dense: bool = True) -> None:
        self.table, self.systems = table.select(table.search), table.systems
        self.all, self.probes, self.dense = table, probes, dense
        self.outline = empty_table(table.pictures)

    def __len__(self):
        return len(self.table)

    def blocks(self, systems):
        table = self.table
        part = table.column("part").astype(str) if "part" in table.pictures else np.zeros(len(table))
        for name in np.unique(part):
            rows = np.flatnonzero(part == name)
            probes = np.unique(table.probe[rows])
            probes = probes[np.argsort(table.person[probes], kind="stable")]
            for start in range(0, len(probes), self.probes):
                some = probes[start : start + self.probes]
                here = np.concatenate([rows[table.probe[rows] == probe] for probe in some])
                here = here[np.lexsort((table.reference[here], np.argsort(np.argsort(some))[
                    np.searchsorted(np.sort(some), table.probe[here])]))]  # fmt: skip
                shape = (len(some), len(here) // len(some)) if self.dense else None
                scores = {system: table.scores[system][here] for system in systems}
                yield ScoreBlock(table.probe[here], table.reference[here], scores, shape)

    def sample(self):
        return self.all.select(~self.all.search)

    def digest(self):
        return "the same"


def many_scores(seed=0, people=60, strangers=15, dev=False, failures=True):
    """A search of 60 people at five yaws in a gallery that 15 of them are not in; two systems, some failures."""
    rng = np.random.default_rng(seed)
    yaws = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])
    pictures = pd.DataFrame({
        "subject": np.repeat([f"p{i:03d}" for i in range(people)], 6), "yaw": np.tile(np.append(yaws, 0.0), people),
        "sex": np.repeat(rng.choice(["f", "m"], people), 6),
    })  # fmt: skip
    pictures.insert(0, "path", [f"{i}.png" for i in range(len(pictures))])
    pictures["part"] = np.repeat(np.where(np.arange(people) < people // 3, "dev", "eval"), 6) if dev else "eval"
    person = np.repeat(np.arange(people), 6)
    enrolled = np.flatnonzero((np.arange(len(person)) % 6 == 5) & (person < people - strangers))
    probes = np.flatnonzero(np.arange(len(person)) % 6 != 5)
    first, second = np.repeat(probes, len(enrolled)), np.tile(enrolled, len(probes))
    same_part = pictures["part"].to_numpy()[first] == pictures["part"].to_numpy()[second]
    first, second = first[same_part], second[same_part]
    mated = person[first] == person[second]
    easy = 1 - np.abs(pictures["yaw"].to_numpy()[first]) / 120
    scores = {}
    for number, name in enumerate(("one", "two")):
        drawn = rng.normal(np.where(mated, 0.5 * easy, 0.0), 0.12 + 0.03 * number)
        scores[name] = np.clip(drawn, -1, 1).astype(np.float32)
        if failures:
            scores[name][first == probes[3 + number]] = np.nan
            scores[name][second == enrolled[2]] = np.nan
    return ScoreTable(pictures, first.astype(np.int32), second.astype(np.int32), np.ones(len(first), bool), scores)


@pytest.mark.parametrize("dev", [False, True])
def test_within_the_tail_every_figure_is_the_table_s(dev):
    table = many_scores(dev=dev, strangers=0 if dev else 15)
    exact = measure_scores(table, {}, measure=QUICK, by=("sex",)).to_dict()["systems"]
    found = measure_stream(TableBlocks(table), {}, measure=QUICK, by=("sex",)).to_dict()["systems"]
    for one, other in zip(exact, found, strict=True):
        assert_alike(one, other)


def assert_alike(one, other, tolerance=1e-4, path=""):
    """Compare JSON values; numbers within a relative tolerance, percents having four decimals."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_alike(one[key], other[key], tolerance, f"{path}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_alike(a, b, tolerance, f"{path}/{number}")
    elif isinstance(one, float):
        assert other == pytest.approx(one, rel=tolerance, abs=tolerance), path
    else:
        assert one == other, path


def test_beyond_the_tail_low_rates_stay_exact_and_bins_bound_the_rest():
    table = many_scores(failures=False)
    exact = SystemScores(table, "one", QUICK).figures()
    found = stream_system(TableBlocks(table, dense=False), "one", QUICK, tail=300, bins_per_unit=1 << 12)
    streamed = found.figures()
    assert not found.counts["all"]["all"].scores.exact
    for one, other in zip(exact.tar, streamed.tar, strict=True):
        if one.far <= 1e-2 and not one.too_few:  # 135 of 13,275 impostors: within the tail
            assert (other.tar, other.threshold) == (one.tar, pytest.approx(one.threshold))
        elif not one.too_few:
            assert other.tar == pytest.approx(one.tar, abs=2 / 225)
    assert streamed.eer == pytest.approx(exact.eer, abs=2e-3)
    assert streamed.auc == pytest.approx(exact.auc, abs=1e-4)
    assert streamed.d_prime == pytest.approx(exact.d_prime, rel=1e-6)
    for one, other in ((exact.eer_interval, streamed.eer_interval), (exact.auc_interval, streamed.auc_interval)):
        assert (other.low, other.high) == (pytest.approx(one.low, abs=3e-3), pytest.approx(one.high, abs=3e-3))
        assert other.people == one.people


@pytest.mark.parametrize("probes", [1, 7, 1000])
def test_ranks_and_open_set_need_no_matrix(probes):
    table = many_scores()
    exact = SystemScores(table, "two", QUICK)
    found = stream_system(TableBlocks(table, probes), "two", QUICK)
    np.testing.assert_array_equal(found.ranks, exact.ranks)
    np.testing.assert_array_equal(found.enrolled, exact.enrolled)
    assert open_set(found).to_dict() == open_set(exact).to_dict()
    assert found.figures().failures == exact.figures().failures > 5


@pytest.mark.parametrize("dense", [True, False])
def test_a_stranger_whose_picture_failed_is_a_failure_to_acquire(dense):
    table = many_scores()
    before = SystemScores(table, "one", QUICK)
    stranger = before.probe_rows[~before.enrolled][0]
    scores = table.scores["one"].copy()
    scores[table.probe == stranger] = np.nan
    broken = table.of_comparisons(table.probe, table.reference, table.search, {**table.scores, "one": scores})
    after = SystemScores(broken, "one", QUICK)
    streamed = stream_system(TableBlocks(broken, dense=dense), "one", QUICK)
    assert after.figures().failures == before.figures().failures + 1 == streamed.figures().failures
    np.testing.assert_array_equal(after.ranks, before.ranks)
    # One comparison that worked shows that the picture gave an embedding.
    scores[np.flatnonzero(table.probe == stranger)[0]] = 0.1
    assert SystemScores(broken, "one", QUICK).figures().failures == before.figures().failures


def test_listed_pairs_have_no_ranks():
    found = stream_system(TableBlocks(many_scores(), dense=False), "one", QUICK)
    assert found.ranks is None
    assert found.figures().rank == {}
    assert open_set(found) is None


def test_equal_scores_and_no_scores_are_refused():
    table = many_scores(failures=False)
    table.scores["one"][:] = 0.25
    with pytest.raises(DataError, match=r"one: every comparison got the same score.*found 0\.25"):
        stream_system(TableBlocks(table), "one", QUICK)
    table.scores["one"][:] = np.nan
    with pytest.raises(DataError, match="one: not one comparison got a score"):
        stream_system(TableBlocks(table), "one", QUICK)


@pytest.fixture(scope="module")
def streamed_folder(rendered, tmp_path_factory):
    """The same systems, from embeddings on: held as a table, streamed, and streamed with kept scores."""
    here = tmp_path_factory.mktemp("streamed")
    table = rendered.table.assign(sex=["f" if int(s) % 2 else "m" for s in rendered.table["subject"]])
    data = make_manifest(table, rendered.folder, "m.csv")
    systems = [Grid("fine", 4), Grid("coarse", 16)]
    evaluate(data, systems, out=here / "table", measure=QUICK, by=["sex"])
    evaluate(data, systems, out=here / "stream", measure=QUICK, by=["sex"], max_score_rows=100)
    evaluate(data, systems, out=here / "kept", measure=QUICK, by=["sex"], max_score_rows=100, keep_scores=True)
    return here


def read_json(path):
    return json.loads(path.read_text())


def test_from_embeddings_on_the_figures_are_the_table_s(streamed_folder):
    exact, found = (read_json(streamed_folder / name / "results.json") for name in ("table", "stream"))
    for one, other in zip(exact["systems"], found["systems"], strict=True):
        assert_alike(one, other, tolerance=2e-2)  # both ways round a cosine in their own order
    assert {path.name for path in (streamed_folder / "stream").iterdir()} == FILES


@pytest.mark.parametrize("name", ["stream", "kept"])
def test_the_summary_alone_says_everything_again(streamed_folder, name):
    again = read_result(streamed_folder / name)
    assert again.to_dict() == read_json(streamed_folder / name / "results.json")
    held = read_result(streamed_folder / "table")
    for one, other in zip(pose_matrix(again.scores, "fine", 15), pose_matrix(held.scores, "fine", 15), strict=True):
        np.testing.assert_array_equal(one, other)


def test_kept_scores_are_measured_in_another_way_and_a_summary_is_not(streamed_folder):
    held = read_result(streamed_folder / "table", by=(), rounds=50).to_dict()["systems"]
    kept = read_result(streamed_folder / "kept", by=(), rounds=50).to_dict()["systems"]
    for one, other in zip(held, kept, strict=True):
        assert_alike(one, other, tolerance=2e-2)
    with pytest.raises(DataError, match=r"can't be measured in another way, found 50 rounds.*--keep-scores"):
        read_result(streamed_folder / "stream", rounds=50)


def test_kept_scores_are_the_table_s_rows(streamed_folder):
    held, kept = (read_scores(streamed_folder / name / "scores.parquet") for name in ("table", "kept"))
    columns = [frozenset(pq.read_schema(streamed_folder / n / "scores.parquet").names) for n in ("table", "kept")]
    assert columns[0] == columns[1]
    rows = []
    for table in (held, kept):
        paths = table.pictures["path"].to_numpy()
        rows.append(pd.DataFrame({
            "probe": paths[table.probe], "reference": paths[table.reference], "search": table.search,
            "yaw": table.column("yaw"), "score": table.scores["fine"],
        }).sort_values(["search", "probe", "reference"], ignore_index=True))  # fmt: skip
    pd.testing.assert_frame_equal(*rows, rtol=1e-5, atol=1e-6)
    assert len(ParquetBlocks(streamed_folder / "kept" / "scores.parquet")) == held.search.sum()


def test_a_new_stream_takes_an_older_benchmark_s_scores_away(rendered, small, tmp_path):
    evaluate(rendered, [small], out=tmp_path, measure=QUICK)
    assert (tmp_path / "scores.parquet").exists()
    evaluate(rendered, [small], out=tmp_path, measure=QUICK, max_score_rows=10)
    assert not (tmp_path / "scores.parquet").exists()
    evaluate(rendered, [small], out=tmp_path, measure=QUICK)
    assert not (tmp_path / SUMMARY).exists()
    assert not (tmp_path / SAMPLE).exists()
    assert read_result(tmp_path).streamed is None


def test_what_does_not_go_together_is_refused(rendered, small, tmp_path):
    with pytest.raises(ConfigError, match="--keep-scores: scores are kept in a folder"):
        evaluate(rendered, [small], measure=QUICK, keep_scores=True)
    (tmp_path / SUMMARY).write_bytes(b"no summary")
    with pytest.raises(DataError, match="can't read the summary of scores"):
        read_summary(tmp_path / SUMMARY)


def test_streamed_benchmarks_are_compared_and_joined_by_their_rounds(rendered, small, replace, tmp_path):
    half = replace(lambda v: v[:, ::2], name="half")
    for name, system in (("a", small), ("b", half)):
        evaluate(rendered, [system], out=tmp_path / name, measure=QUICK, max_score_rows=10)
    first, second = (read_result(tmp_path / name) for name in "ab")
    streamed = compare(*pair_results(first, second).systems).to_dict()
    held = compare(*evaluate(rendered, [small, half], measure=QUICK).systems).to_dict()
    for one, other in zip(held["differences"], streamed["differences"], strict=True):
        assert_alike(one, other, tolerance=0.2)
    (joined,) = join_results([first, second])
    assert [system.name for system in joined.systems] == ["small", "half"]
    assert joined.systems[1].to_dict()["eer_percent"] == second.systems[0].to_dict()["eer_percent"]
    few = rendered.select(rendered.table["subject"] <= "006")
    other = evaluate(few, [small], measure=QUICK, max_score_rows=10)
    with pytest.raises(DataError, match="do not hold the same comparisons in the same groups, or drew other people"):
        pair_results(first, other)
    with pytest.raises(DataError, match="one benchmark was streamed and the other was not"):
        pair_results(first, evaluate(rendered, [small], measure=QUICK))
    page = write_report(joined, tmp_path / "page.html").read_text()
    assert "Cumulative match" in page
    assert "864 comparisons were streamed" in page
    assert sorted(path.name for path in save_tables(joined, tmp_path / "t").iterdir()) == [
        "cmc.csv", "results.csv", "results.json", "roc.csv", "yaw_by_yaw.csv",
    ]  # fmt: skip


def test_a_large_gallery_is_searched_without_its_matrix():
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{i:02d}" for i in range(40)], 4)
    vectors = np.repeat(rng.normal(size=(40, 12)), 4, axis=0) + rng.normal(0, 0.9, size=(160, 12))
    enrolled = (np.arange(160) % 4 == 0) & (names < "p30")
    arguments = (vectors[~enrolled], names[~enrolled], vectors[enrolled], names[enrolled])
    groups = np.where(np.arange((~enrolled).sum()) % 2 == 0, 45, 5)
    held = identification(*arguments, groups=groups, measure=QUICK)
    found = identification(*arguments, groups=groups, measure=QUICK, max_score_rows=50)
    np.testing.assert_array_equal(found.ranks, held.ranks)
    assert_alike(held.to_dict(), found.to_dict())


def test_without_yaws_there_is_no_sample_and_the_summary_still_says_everything(tmp_path):
    rng = np.random.default_rng(0)
    subjects = np.repeat([f"p{i:02d}" for i in range(20)], 3)
    vectors = (np.repeat(rng.normal(size=(20, 8)), 3, axis=0) + rng.normal(size=(60, 8))).astype(np.float32)
    pictures = pd.DataFrame({"path": [f"{i}.png" for i in range(60)], "subject": subjects})
    both = Embedded(vectors, np.arange(60) == 7)
    rows = np.arange(60)
    first, second = np.triu_indices(60, 1)
    for name, pairs in (
        ("search", OneSearch(pictures, [(rows[rows % 3 != 0], rows[rows % 3 == 0])])),
        ("pairs", OneSearch(pictures, [], np.stack([first, second], axis=1).astype(np.int32))),
    ):
        source = EmbeddedBlocks(pairs, {"one": (both, both), "two": (both, both)}, rows=150)
        result = measure_stream(source, {"name": name, "measure": QUICK.to_dict()}, measure=QUICK)
        result.save(tmp_path / name)
        assert len(result.scores) == 0
        assert read_result(tmp_path / name).to_dict() == result.to_dict()
        assert bool(result.systems[0].overall.rank) == (name == "search")
        assert write_report(result, tmp_path / name / "report.html").stat().st_size > 1000
        write_stream(source, tmp_path / name / "scores.parquet")
        again = read_result(tmp_path / name, rounds=40)
        assert_alike(result.systems[0].overall.to_dict()["tar_at_far"][0]["tar_percent"],
                     again.systems[0].overall.to_dict()["tar_at_far"][0]["tar_percent"])  # fmt: skip
        assert again.systems[0].overall.failures == result.systems[0].overall.failures > 0


def test_kept_scores_are_read_where_a_picture_met_nobody(tmp_path):
    """A person may be enrolled in a part in which nobody is searched."""
    vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    subjects = np.repeat([f"p{i}" for i in range(10)], 2)
    pictures = pd.DataFrame({"path": [f"{i}.png" for i in range(20)], "subject": subjects})
    both, rows = Embedded(vectors, np.zeros(20, bool)), np.arange(20)
    source = EmbeddedBlocks(OneSearch(pictures, [(rows[1:10:2], rows[0:10:2])]), {"one": (both, both)})
    write_stream(source, tmp_path / "scores.parquet")
    (block,) = ParquetBlocks(tmp_path / "scores.parquet").blocks(["one"])
    (expected,) = source.blocks(["one"])
    np.testing.assert_array_equal(block.scores["one"], expected.scores["one"])
    held = read_scores(tmp_path / "scores.parquet")
    np.testing.assert_array_equal(held.scores["one"], expected.scores["one"])


def test_the_column_yaw_is_grouped_as_a_table_groups_it():
    table = many_scores()
    exact = measure_scores(table, {}, measure=QUICK, by=("yaw",)).systems[0].by_column["yaw"]
    found = measure_stream(TableBlocks(table), {}, measure=QUICK, by=("yaw",)).systems[0].by_column["yaw"]
    assert list(exact) == list(found) == ["0", "30", "60"]
