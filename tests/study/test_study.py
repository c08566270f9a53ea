"""The study as a machine: shared steps, resuming, missing pieces, results; and one real, tiny run."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import pose_gap
from benchmarks.study.gaps import WIDE_YAWS, Measured
from benchmarks.study.people import draw_people
from benchmarks.study.rows import choose_rows
from benchmarks.study.settings import StudySettings
from benchmarks.study.steps import RANK1, TAR, MissingPieceError
from benchmarks.study.study import read_measured, run_study
from benchmarks.study.tables import gain_by_size, markdown, summarise
from pifr.core.errors import DataError
from pifr.core.interrupt import Interrupted
from pifr.data.manifest import read_manifest

from .test_people import NAMES, pool

YAWS = ("0", "15", "30", *WIDE_YAWS)
RATES = {"b": 0.2, "ab": 0.6, "b_true": 0.7, "ab_true": 0.9, "b_ipgan": 0.6, "ab_ipgan": 0.8, "ab_frontalised": 0.5}


class PoolAtHand:
    folders = ("pool",)

    def __init__(self, lights=("07", "04")):
        self.pool = pool(lights=lights)

    def trainable(self):
        return self.pool.subjects

    def testable(self):
        return self.pool.subjects

    def fingerprint(self):
        return str(len(self.pool))

    def pictures(self, drawn):
        return self.pool


class Recorded:
    """Steps that write down what they are asked for; rates come from :data:`RATES`."""

    def __init__(self, broken=()):
        self.calls, self.broken, self.seen, self.digest, self.taught = [], broken, {}, "0a", set()

    def toolkit(self):
        return SimpleNamespace(
            train_generator=self.train_generator, make_views=self.make_views, train_recogniser=self.train_recogniser,
            benchmark=self.benchmark, digest_of_generator=lambda given: self.digest, refuse_taught=self.refuse_taught,
        )  # fmt: skip

    def refuse_taught(self, given, people, folders):
        self.seen.setdefault(f"asked of {given}", set()).update(people)
        if self.taught & set(people):
            raise DataError("it knows them", where=given)

    def train_generator(self, name, people, settings, runs, device):
        self.calls.append(f"generator {name}")
        if name in self.broken:
            raise MissingPieceError(f"there is no generator {name}")
        self.seen[f"generator {name} {runs.name}"] = read_manifest(people).subjects
        return made(runs)

    def make_views(self, method, people, generator, yaws_degrees, sources, out, device):
        self.calls.append(f"views {method}")
        self.seen[f"sources {method}"] = read_manifest(people)
        return made(out)

    def train_recogniser(self, name, real, views, settings, runs, device, *, flips, dream, on_the_fly, seed):
        self.calls.append(f"recogniser {name}")
        if dream:
            raise MissingPieceError("backbones have no DREAM block here")
        self.seen[f"real {name}"] = read_manifest(real)
        self.seen[f"left over {name}"] = (runs / "name").exists()
        (runs / "name").write_text(name)
        if f"recogniser {name}" in self.broken:
            raise KeyboardInterrupt
        return runs

    def benchmark(self, run, test, frontalised_by, people, rounds, out, device, fuse):
        seed = int(test.parts[-3].removeprefix("seed"))
        self.seen["people"] = people
        name = "ab_frontalised" if frontalised_by else (run / "name").read_text()
        self.calls.append(f"benchmark {name}")
        if name in self.broken:
            raise KeyboardInterrupt
        rate = RATES.get(name, 0.5) + 0.01 * seed
        noise = np.random.default_rng(seed).normal(0, 0.01, rounds).astype(np.float32)
        figure = Measured(5, dict.fromkeys(YAWS, rate), dict.fromkeys(YAWS, rate + noise))
        return {RANK1: figure, TAR: figure}


class RecordedApart(Recorded):
    """Rows whose rounds differ from each other, as those of different recognisers do."""

    def benchmark(self, run, test, frontalised_by, people, rounds, out, device, fuse):
        found = super().benchmark(run, test, frontalised_by, people, rounds, out, device, fuse)
        name = self.calls[-1].removeprefix("benchmark ")
        noise = np.random.default_rng(len(self.calls)).normal(0, 0.01, rounds)
        moved = dict.fromkeys(found[RANK1].rounds, RATES[name] + noise)
        return {**found, RANK1: Measured(5, dict.fromkeys(YAWS, RATES[name]), moved)}


def made(path):
    path.mkdir(parents=True, exist_ok=True)
    return path


SETTINGS = StudySettings(people=(8, 8, 5), seeds=(0, 1), a_sizes=(3,), train_lights=("07",), test_lights=("04",),
                         bootstrap_rounds=100)  # fmt: skip


def study(tmp_path, keys, recorded, settings=SETTINGS, people=None):
    rows = choose_rows(keys, settings.a_sizes)
    return rows, run_study(settings, rows, people or PoolAtHand(), tmp_path, recorded.toolkit())


def test_every_row_sees_what_it_may_and_shares_what_it_can(tmp_path):
    recorded = Recorded()
    _rows, outcome = study(tmp_path, ["b", "ab", "b_true", "ab_ipgan", "ab_frontalised", "a3_b"], recorded)
    seen = recorded.seen
    assert set(seen["real b"].yaw_degrees) == {0.0}
    assert set(seen["real b_true"].yaw_degrees) == {-60.0, 0.0, 60.0}
    assert set(seen["real ab"].subjects) - set(seen["real b"].subjects) == set(seen["generator ipgan ipgan"])
    assert len(set(seen["real a3_b"].subjects) - set(seen["real b"].subjects)) == 3
    assert set(seen["sources ipgan"].subjects) == set(seen["real b"].subjects)
    assert set(seen["sources ipgan"].yaw_degrees) == {0.0}
    # Two seeds: one generator and one set of views each, and no recogniser of its own behind the frontaliser.
    assert recorded.calls.count("generator ipgan") == recorded.calls.count("views ipgan") == 2
    assert recorded.calls.count("recogniser ab") == 2
    assert "recogniser ab_frontalised" not in recorded.calls
    assert {len(each[RANK1]) for each in outcome.measured.values()} == {2}
    # A round draws from all who could be tested, the same for both seeds; their test people overlap.
    assert seen["people"] == PoolAtHand().testable()
    assert SETTINGS.people[2] < len(outcome.tested) < 2 * SETTINGS.people[2]


def test_an_interrupted_study_goes_on_and_does_nothing_twice(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, ["b", "ab", "ab_ipgan"], Recorded(broken=("ab_ipgan",)))
    again = Recorded()
    study(tmp_path, ["b", "ab", "ab_ipgan"], again, SETTINGS.model_copy(update={"seeds": (0,)}))
    assert again.calls == ["benchmark ab_ipgan"]
    third = Recorded()
    _rows, outcome = study(tmp_path, ["b", "ab", "ab_ipgan"], third, SETTINGS.model_copy(update={"seeds": (0,)}))
    assert third.calls == []
    assert outcome.measured["ab"][RANK1][0].rate["90"] == pytest.approx(0.6)
    stored = read_measured(tmp_path / "seed0" / "rows" / "ab.json")[RANK1]
    np.testing.assert_allclose(stored.rounds["90"], outcome.measured["ab"][RANK1][0].rounds["90"])


def test_other_steps_are_done_anew(tmp_path):
    study(tmp_path, ["b"], Recorded())
    longer = SETTINGS.model_copy(update={"recogniser": {"steps": 9}, "seeds": (0,)})
    again = Recorded()
    study(tmp_path, ["b"], again, longer)
    assert again.calls == ["recogniser b", "benchmark b"]
    assert not again.seen["left over b"]  # a run of other steps can't be gone on with


def test_an_interrupted_training_finds_what_it_left(tmp_path):
    one = SETTINGS.model_copy(update={"seeds": (0,)})
    with pytest.raises(KeyboardInterrupt):
        study(tmp_path, ["b"], Recorded(broken=("recogniser b",)), one)
    again = Recorded()
    study(tmp_path, ["b"], again, one)
    assert again.calls == ["recogniser b", "benchmark b"]
    assert again.seen["left over b"]


def test_other_people_leave_no_table_behind(tmp_path):
    keys = ["ab_ipgan", "a3_b_ipgan"]
    study(tmp_path, keys, Recorded())
    fewer = SETTINGS.model_copy(update={"people": (6, 5, 4), "seeds": (0,)})
    again = Recorded()
    study(tmp_path, keys, again, fewer)
    assert len(again.seen["real ab_ipgan"].subjects) == 11
    assert len(again.seen["sources ipgan"].subjects) == 5
    assert len(again.seen["generator ipgan ipgan"]) == 6
    assert set(again.seen["generator ipgan ipgan-of-3"]) <= set(again.seen["generator ipgan ipgan"])


def test_a_changed_pool_is_drawn_from_anew(tmp_path):
    one = SETTINGS.model_copy(update={"seeds": (0,)})
    study(tmp_path, ["b"], Recorded(), one)
    again = Recorded()
    study(tmp_path, ["b"], again, one, PoolAtHand(lights=("07", "04", "10")))
    assert again.calls == ["recogniser b", "benchmark b"]


def test_a_row_whose_piece_is_missing_is_skipped_and_said(tmp_path):
    recorded = Recorded(broken=("crgan",))
    rows, outcome = study(tmp_path, ["b", "ab", "ab_crgan", "ab_ipgan_dream"], recorded)
    assert set(outcome.measured) == {"b", "ab"}
    assert outcome.skipped == {
        "ab_crgan": "there is no generator crgan", "ab_ipgan_dream": "backbones have no DREAM block here",
    }  # fmt: skip
    assert recorded.calls.count("generator crgan") == 1  # not asked for again on the second seed
    assert "| ab_crgan | skipped: there is no generator crgan |" in markdown(summarise(outcome, rows, SETTINGS, {}))


def test_a_given_generator_is_used_for_every_seed(tmp_path):
    given = SETTINGS.model_copy(update={"generator_runs": {"ipgan": "twin-64"}, "seeds": (0,)})
    recorded = Recorded()
    _rows, outcome = study(tmp_path, ["b_ipgan", "a3_b_ipgan"], recorded, given)
    assert outcome.inputs == {"people": "360", "ipgan": "0a"}
    assert "generator ipgan" not in recorded.calls
    assert recorded.calls.count("views ipgan") == 1  # the same for every size of A
    retrained = Recorded()
    retrained.digest = "0b"
    study(tmp_path, ["b", "b_ipgan"], retrained, given)
    assert retrained.calls[-3:] == ["views ipgan", "recogniser b_ipgan", "benchmark b_ipgan"]


def test_whom_a_given_generator_knows_is_asked_before_anything_is_trained(tmp_path):
    given = SETTINGS.model_copy(update={"generator_runs": {"ipgan": "twin-64", "drgan": "unused"}})
    recorded = Recorded()
    study(tmp_path, ["ab", "b_ipgan"], recorded, given)
    assert "asked of unused" not in recorded.seen
    drawn = [draw_people(NAMES, NAMES, given.people, seed) for seed in given.seeds]
    assert recorded.seen["asked of twin-64"] == {name for each in drawn for name in (*each["B"], *each["C"])}
    # A may have taught it; somebody of B or C of the last seed may not.
    recorded = Recorded()
    recorded.taught = set(NAMES) - {name for each in drawn for name in (*each["B"], *each["C"])}
    assert recorded.taught
    study(tmp_path / "a", ["ab", "b_ipgan"], recorded, given)
    recorded = Recorded()
    recorded.taught = {drawn[-1]["C"][0]}
    with pytest.raises(DataError, match="twin-64: it knows them"):
        study(tmp_path / "c", ["ab", "b_ipgan"], recorded, given)
    assert recorded.calls == []


def test_results_hold_the_gaps_and_their_intervals(tmp_path):
    keys = ["b", "ab", "b_true", "ab_true", "b_ipgan", "ab_ipgan", "a3_b", "a3_b_ipgan"]
    rows, outcome = study(tmp_path, keys, Recorded())
    found = summarise(outcome, rows, SETTINGS, {"command": ["x"]})
    assert json.loads(json.dumps(found)) == found
    paper = found["rows"]["b_ipgan"]["paper_gap_closed_percent"]
    assert paper["mean"] == pytest.approx(80.0)  # (0.6 - 0.2) / (0.7 - 0.2)
    assert paper["per_seed"] == [pytest.approx(80.0), pytest.approx(80.0)]
    fair = found["rows"]["ab_ipgan"]["fair_gap_closed_percent"]
    assert fair["mean"] == pytest.approx(200 / 3, abs=1e-2)  # (0.8 - 0.6) / (0.9 - 0.6)
    assert found["rows"]["b_ipgan"]["fair_gap_closed_percent"]["mean"] == pytest.approx(0.0, abs=1e-6)
    assert "paper_gap_closed_percent" not in found["rows"]["ab_ipgan"]
    assert "fair_gap_closed_percent" not in found["rows"]["ab_true"]
    at90 = found["rows"]["ab"]["rank1_percent_by_abs_yaw"]["90"]
    assert at90["mean"] == pytest.approx(60.5)
    assert at90["interval"][0] < 60.5 < at90["interval"][1]
    assert at90["deviation_over_seeds"] == pytest.approx(1 / np.sqrt(2), abs=1e-2)
    change = found["rows"]["ab_ipgan"]["rank1_change_to_ab_frontal_at_0_and_15_points"]
    assert change["mean"] == pytest.approx(20.0)
    by_yaw = found["rows"]["ab_ipgan"]["rank1_change_to_ab_frontal_points_by_abs_yaw"]
    assert {yaw: each["mean"] for yaw, each in by_yaw.items()} == {"0": pytest.approx(20), "15": pytest.approx(20)}
    assert set(found["differences"]) == {
        "b_ipgan - b", "b_ipgan - b_true", "ab_ipgan - ab", "ab_ipgan - ab_true", "ab_ipgan - b_ipgan",
        "ab_true - b_true",
    }  # fmt: skip
    ahead = found["differences"]["ab_ipgan - b_ipgan"]["rank1_45_to_90_points"]
    assert ahead["mean"] == pytest.approx(20.0)
    assert ahead["interval"] == pytest.approx([20.0, 20.0], abs=1e-2)  # the same people: their noise cancels
    gains = gain_by_size(outcome, rows, SETTINGS.people[0])
    assert [size for size, _ in gains] == [0, 3, 8]
    assert gains[2][1].value == pytest.approx(0.2)
    for name in ("json", "md"):
        pose_gap.write_results(outcome, rows, SETTINGS, tmp_path / "results")
        assert (tmp_path / "results" / f"pose_gap.{name}").exists()
    assert (tmp_path / "results" / "pose_gap.svg").read_text().count("<svg") == 1
    assert (tmp_path / "results" / "pose_gap_by_size_of_A.png").stat().st_size > 1000


def test_a_share_of_no_clear_gap_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setitem(RATES, "b_true", RATES["b"] + 0.001)
    one = SETTINGS.model_copy(update={"seeds": (0,)})
    rows, outcome = study(tmp_path, ["b", "b_true", "b_ipgan"], RecordedApart(), one)
    table = markdown(summarise(outcome, rows, one, {}))
    assert "| no clear gap |  |" in table
    assert "\n1 seed of people" in table


@pytest.mark.slow
def test_a_tiny_study_runs_from_its_command_line(rendered, tmp_path, capsys):
    rendered.save(tmp_path / "people.csv")
    arguments = [
        "--twin", str(tmp_path / "people.csv"), "--out", str(tmp_path / "out"), "--people", "4,4,4", "--seeds", "0",
        "--a-sizes", "", "--rows", "b,ab", "--steps", "2",
    ]  # fmt: skip
    assert pose_gap.main(arguments) == 0
    assert "| A + B frontal |" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "pose_gap.json").read_text())
    assert list(found["rows"]) == ["b", "ab"]
    assert set(found["rows"]["ab"]["rank1_percent_by_abs_yaw"]) == {"30", "60", "90"}
    stages = json.loads((tmp_path / "out" / "seed0" / "stages.json").read_text())
    assert pose_gap.main(arguments) == 0
    assert json.loads((tmp_path / "out" / "seed0" / "stages.json").read_text()) == stages


@pytest.mark.parametrize("stop", [Interrupted, KeyboardInterrupt])
def test_a_stop_on_request_is_no_traceback(capsys, tmp_path, monkeypatch, stop):
    def stopped(*_):
        raise stop

    monkeypatch.setattr(pose_gap, "run_study", stopped)
    assert pose_gap.main(["--out", str(tmp_path)]) == 130
    assert "stopped; the same command goes on" in capsys.readouterr().err


def test_mistakes_end_with_one_line(capsys, tmp_path):
    assert pose_gap.main(["--rows", "nothing", "--out", str(tmp_path)]) == 1
    assert "--rows: no row 'nothing'" in capsys.readouterr().err
    assert pose_gap.main(["--people", "1,x", "--out", str(tmp_path)]) == 1
    assert "--people: whole numbers with commas between them are wanted" in capsys.readouterr().err
    assert pose_gap.main(["--generator", "twin-64", "--out", str(tmp_path)]) == 1
    assert "generator_runs want twin, a manifest of people the generators have not seen" in capsys.readouterr().err
    assert pose_gap.main(["--list"]) == 0
    assert "ab_ipgan" in capsys.readouterr().out
