"""The benchmark from pictures to figures: recomputed from scores, failures counted, mistakes refused in one line."""

import json

import numpy as np
import pandas as pd
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.data.pictures import read_picture
from pifr.evaluation import Measure, evaluate, read_result
from pifr.evaluation.comparisons import POSE_SAMPLE, _pose_sample
from pifr.evaluation.figures import SystemScores
from pifr.evaluation.measuring import measure_scores
from pifr.evaluation.poses import pose_matrix

QUICK = Measure(rounds=20)


def test_every_figure_comes_back_from_the_files_alone(result, benchmark_folder):
    again = read_result(benchmark_folder)
    assert again.to_dict() == result.to_dict()
    assert json.loads((benchmark_folder / "results.json").read_text()) == result.to_dict()


def test_rank_one_equals_a_count_by_hand(rendered, small):
    found = evaluate(rendered, [small], measure=QUICK).systems[0]
    table = rendered.table
    vectors = small(np.stack([read_picture(path) for path in rendered.paths]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    gallery = np.flatnonzero(table["yaw"] == 0)
    hits: dict[str, list[bool]] = {}
    for probe in np.flatnonzero(table["yaw"] != 0):
        best = gallery[np.argmax(vectors[gallery] @ vectors[probe])]
        key = f"{abs(table['yaw'][probe]):g}"
        hits.setdefault(key, []).append(table["subject"][best] == table["subject"][probe])
    assert {group: f.rank[1] for group, f in found.by_abs_yaw.items()} == {
        group: pytest.approx(np.mean(each)) for group, each in hits.items()
    }


def test_json_has_the_promised_keys(result):
    system = result.to_dict()["systems"][0]
    assert list(result.system("fine").by_abs_yaw) == ["30", "60", "90"]
    for key in ("rank1_percent_by_abs_yaw", "rank1_interval_by_abs_yaw", "eer_percent_by_abs_yaw"):
        assert list(system[key]) == ["30", "60", "90"]
    low, high = system["rank1_interval_by_abs_yaw"]["90"]
    assert low <= system["rank1_percent_by_abs_yaw"]["90"] <= high
    assert 0 <= system["eer_percent"] <= 100
    assert system["probes_by_abs_yaw"] == {"30": 24, "60": 24, "90": 24}


def test_left_and_right_are_kept_apart_and_add_up(result):
    found = result.system("fine")
    assert list(found.by_yaw) == ["-90", "-60", "-30", "30", "60", "90"]
    both = [found.by_yaw[name].rank[1] for name in ("-90", "90")]
    assert found.by_abs_yaw["90"].rank[1] == pytest.approx(np.mean(both))


def test_tables_are_readable(result):
    assert list(result.table().columns) == ["system", "30°", "60°", "90°", "all", "EER %"]
    long = result.long_table()
    assert set(long["grouped_by"]) == {"all", "abs_yaw", "yaw"}
    assert len(long) == 2 * (1 + 3 + 6)
    assert {"rank1_percent", "rank1_interval_low", "tar_percent_at_far_0.1"} <= set(long.columns)


def test_too_few_impostors_stay_without_a_number(result):
    by_far = {tar["far"]: tar for tar in result.to_dict()["systems"][0]["tar_at_far"]}
    assert by_far[0.0001]["tar_percent"] is None
    assert "too few impostors" in by_far[0.0001]["note"]
    assert by_far[0.1]["tar_percent"] is not None


def test_systems_share_the_bootstrap_so_differences_can_be_paired(rendered, small, replace):
    twin = replace(lambda v: v * 3, name="same but longer")
    found = evaluate(rendered, [small, twin], measure=QUICK)
    a, b = (system.overall.rank_interval[1].rounds for system in found.systems)
    np.testing.assert_array_equal(a, b)


def test_pictures_that_fail_count_against_the_system(rendered, small, replace):
    def break_some(vectors):
        broken = vectors.copy()
        broken[1::10] = np.nan
        broken[2::10] = 0
        return broken

    whole, broken = evaluate(rendered, [small, replace(break_some)], measure=QUICK).systems
    assert whole.overall.failures == 0
    # 84 pictures, 18 of them broken; of those some are enrolled, and all probes of their people are lost as well.
    assert broken.overall.failures >= 18 - 12
    assert broken.overall.probes == whole.overall.probes
    assert broken.overall.rank[5] < whole.overall.rank[5]
    assert broken.overall.rank[1] <= 1 - broken.overall.failures / broken.overall.probes
    assert broken.record["failed_pictures"] == 18


def test_a_group_whose_pictures_all_failed_has_no_threshold(rendered, small, replace):
    """It would lie below every cosine, where the failures are put, and accept everybody."""
    of_yaw = np.abs(rendered.yaw_degrees) == 90

    def break_them(vectors):
        broken = vectors.copy()
        broken[of_yaw] = np.nan
        return broken

    (found,) = evaluate(rendered, [replace(break_them)], measure=QUICK).systems
    far = found.by_abs_yaw["90"].tar[0]
    assert (far.tar, far.threshold) == (0, np.inf)
    assert np.isfinite(found.overall.tar[0].threshold)


def test_an_unreadable_picture_is_a_failure_not_a_crash(rendered, small, tmp_path):
    table = rendered.table.assign(path=[str(path) for path in rendered.paths])
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"not a picture")
    row = int(np.flatnonzero(table["yaw"] == 90)[0])
    table.loc[row, "path"] = str(bad)
    found = evaluate(make_manifest(table, tmp_path, "m.csv"), [small], measure=QUICK).systems[0]
    assert (found.overall.failures, found.by_abs_yaw["90"].failures, found.by_abs_yaw["30"].failures) == (1, 1, 0)


def test_a_missing_picture_is_a_failure_as_an_unreadable_one_is(rendered, small, tmp_path):
    table = rendered.table.assign(path=[str(path) for path in rendered.paths])
    row = int(np.flatnonzero(table["yaw"] == 90)[0])
    whole = evaluate(make_manifest(table, tmp_path, "m.csv"), [small], measure=QUICK)
    table.loc[row, "path"] = str(tmp_path / "gone.png")
    found = evaluate(make_manifest(table, tmp_path, "m.csv"), [small], measure=QUICK)
    assert found.systems[0].overall.failures == 1
    assert found.environment["data_fingerprint"] != whole.environment["data_fingerprint"]


def test_the_data_are_looked_at_before_they_are_embedded(rendered, small, monkeypatch):
    monkeypatch.setattr(type(small), "__call__", lambda *_: pytest.fail("embedded first"))

    def broken(*_, **__):
        raise DataError("can't read the picture")

    monkeypatch.setattr(type(rendered), "fingerprint", broken)
    with pytest.raises(DataError, match="can't read the picture"):
        evaluate(rendered, [small], measure=QUICK)


def test_a_person_who_could_not_be_enrolled_is_lost(rendered, small):
    scores = evaluate(rendered, [small], measure=QUICK).scores
    enrolled = scores.reference[scores.search][0]
    scores.scores["small"][(scores.reference == enrolled) & scores.search] = np.nan
    prepared = SystemScores(scores, "small", QUICK)
    person = scores.person[enrolled]
    theirs = scores.person[prepared.probe_rows] == person
    assert (prepared.ranks[theirs] > len(scores.people)).all()
    assert (prepared.ranks[~theirs] <= len(scores.people)).all()
    assert prepared.figures().failures == theirs.sum()


def test_other_columns_group_too(rendered, small):
    table = rendered.table.assign(sex=["f" if int(s) % 2 else "m" for s in rendered.table["subject"]])
    data = make_manifest(table, rendered.folder, "m.csv")
    found = evaluate(data, [small], measure=QUICK, by=["sex"]).systems[0]
    assert {name: f.people for name, f in found.by_column["sex"].items()} == {"f": 6, "m": 6}


def test_the_pose_table_is_symmetric_and_knows_its_counts(result):
    names, rates, counts = pose_matrix(result.scores, "fine", 15)
    assert names == ["-90", "-60", "-30", "0", "30", "60", "90"]
    np.testing.assert_array_equal(rates, rates.T)
    # One picture a person and yaw: 12 mated pairs between two yaws, none within one.
    assert counts[0].tolist() == [0] + [12] * 6
    assert np.isnan(np.diag(rates)).all()


def test_the_pose_sample_is_even_and_bounded():
    people, pictures = 100, 21
    table = pd.DataFrame({
        "path": [f"{i}.png" for i in range(people * pictures)], "subject": np.repeat(np.arange(people), pictures),
        "yaw": np.tile([0] * 15 + [45] * 3 + [90] * 3, people).astype(float),
    })  # fmt: skip
    data = make_manifest(table, ".", "m")
    sample = _pose_sample(data)
    assert len(sample) == POSE_SAMPLE < len(data)
    counts = pd.Series(data.yaw_degrees[sample]).value_counts()
    assert counts[45.0] == counts[90.0] == 300
    np.testing.assert_array_equal(sample, _pose_sample(data))


def test_training_people_in_the_test_are_refused_unless_named(rendered, small):
    small.training_people = frozenset(["001", "002", "someone else"])
    with pytest.raises(DataError, match=r"trained on 2 of the 12 people of the test, found 001, 002; .*--allow"):
        evaluate(rendered, [small], measure=QUICK)
    found = evaluate(rendered, [small], measure=QUICK, allow_training_people=True)
    assert found.protocol["notes"] == ["small was trained on 2 of the 12 people of the test: 001, 002"]


def test_people_who_are_enrolled_alone_count_as_people_of_the_test(rendered, small):
    table = rendered.table[(rendered.table["subject"] != "003") | (rendered.table["yaw"] == 0)]
    small.training_people = frozenset(["003"])
    with pytest.raises(DataError, match=r"trained on 1 of the 12 people of the test, found 003"):
        evaluate(make_manifest(table, rendered.folder, "m.csv"), [small], measure=QUICK)


@pytest.mark.parametrize("side", ["first", "second"])
def test_people_of_either_side_of_a_pair_count(rendered, small, tmp_path, side):
    paths = [str(path) for path in rendered.paths[:21]]  # seven pictures each of three people
    lines = [("first", "second", "same"), (paths[0], paths[1], 1), (paths[7], paths[8], 1), (paths[0], paths[14], 0)]
    (tmp_path / "pairs.csv").write_text("".join(f"{a},{b},{c}\n" for a, b, c in lines))
    # A file of pairs knows people by their pictures alone.
    small.training_people = frozenset({"first": paths[7:9], "second": paths[14:15]}[side])
    with pytest.raises(DataError, match=r"people of the test, found .*; .*--allow-training-people"):
        evaluate(tmp_path / "pairs.csv", [small], "pairs", measure=QUICK)


def test_names_of_another_data_set_are_noted_not_refused(rendered, small, tmp_path):
    small.training_people, small.training_folders = frozenset(["001"]), frozenset([str(tmp_path)])
    found = evaluate(rendered, [small], measure=QUICK)
    assert "1 people of its training data, another set, are named as in the test" in found.protocol["notes"][0]
    small.training_folders = frozenset([str(rendered.folder.resolve())])
    with pytest.raises(DataError, match="trained on 1 of the 12"):
        evaluate(rendered, [small], measure=QUICK)


def test_constant_scores_are_refused(rendered, replace):
    constant = replace(np.ones_like)
    with pytest.raises(DataError, match="same score, so nobody can be told apart"):
        evaluate(rendered, [constant], measure=QUICK)


def test_an_embedder_that_fails_everywhere_is_refused(rendered, replace):
    with pytest.raises(DataError, match="not one picture gave an embedding"):
        evaluate(rendered, [replace(lambda v: v * np.nan)], measure=QUICK)


def test_names_must_fit(rendered, small):
    with pytest.raises(ConfigError, match="two systems have one name, found small"):
        evaluate(rendered, [small, small], measure=QUICK)
    with pytest.raises(ConfigError, match="one name for each embedder, found 1 for 2"):
        evaluate(rendered, [small, small], names=["a"], measure=QUICK)
    with pytest.raises(ConfigError, match="at least one embedder"):
        evaluate(rendered, [], measure=QUICK)


def test_flip_fusion_is_reported_and_changes_scores(rendered, small):
    plain = evaluate(rendered, [small], measure=QUICK)
    fused = evaluate(rendered, [small], measure=QUICK, flip_fusion=True)
    assert fused.systems[0].record["flip_fusion"] is True
    assert not np.allclose(plain.scores.scores["small"], fused.scores.scores["small"])


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no benchmark here \(there is no scores.parquet\)"):
        read_result(tmp_path)


@pytest.fixture
def with_dev(result):
    """The same scores, the first six people for development."""
    table = result.scores
    part = np.where(table.pictures["subject"] <= "006", "dev", "eval")
    same = part[table.probe] == part[table.reference]
    pictures = table.pictures.assign(part=part)
    return type(table)(pictures, table.probe, table.reference, table.search, table.scores).select(same)


def test_only_eval_is_reported(with_dev):
    found = measure_scores(with_dev, {}, measure=QUICK).systems[0]
    assert found.overall.people == 6
    assert found.overall.mated + found.overall.nonmated == 6 * 6 * 6


def test_thresholds_come_from_dev(with_dev):
    found = measure_scores(with_dev, {}, measure=QUICK).systems[0]
    scores = with_dev.scores["fine"]
    searched = with_dev.search
    dev = searched & (with_dev.column("part") == "dev")
    held_out = searched & ~dev
    for each in found.at_dev_thresholds:
        assert each.fmr == np.mean(scores[held_out & ~with_dev.mated] >= each.threshold)
        assert each.fnmr == np.mean(scores[held_out & with_dev.mated] < each.threshold)
    by_rule = {each.rule: each for each in found.at_dev_thresholds}
    # 6 x 6 x 5 = 180 impostors on dev: enough for 0.1 and 0.01, too few for 0.001.
    assert list(by_rule) == ["EER", "FMR 0.1", "FMR 0.01"]
    assert np.mean(scores[dev & ~with_dev.mated] >= by_rule["FMR 0.01"].threshold) <= 0.01
    yaws = by_rule["EER"].fnmr_by_abs_yaw
    assert np.mean(list(yaws.values())) == pytest.approx(by_rule["EER"].fnmr)


def test_without_dev_there_are_no_such_thresholds(result):
    assert all(system.at_dev_thresholds == [] for system in result.systems)


def test_the_folder_of_a_run_is_refused_before_any_work_and_kept(result, tmp_path):
    for name in ("config.yaml", "environment.json"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match="this folder is a run"):
        evaluate(None, ["no such embedder"], out=tmp_path)
    with pytest.raises(DataError, match="this folder is a run"):
        result.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "environment.json"]
    assert (tmp_path / "environment.json").read_text() == "mine"
