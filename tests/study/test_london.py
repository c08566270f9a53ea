"""The London splits as a machine: who sees what, resuming, both kinds of uncertainty; the recipes are real ones."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks import london_splits
from benchmarks.readme_tables import rewritten
from benchmarks.study import london_steps
from benchmarks.study.gaps import Measured
from benchmarks.study.london import run_splits
from benchmarks.study.london_settings import (
    LondonSettings,
    choose_systems,
    generator_recipe,
    recogniser_recipe,
    view_recipe,
)
from benchmarks.study.london_steps import EER
from benchmarks.study.london_tables import corrected_interval, corrected_ratio, markdown, summarise
from benchmarks.study.steps import RANK1
from pifr.core.errors import ConfigError, DataError
from pifr.core.files import write_json
from pifr.data.manifest import make_manifest, read_manifest

NAMES = [f"{number:03d}" for number in range(1, 13)]
YAWS = ("0", "45", "90")
RATES = {"frontal": 0.4, "twin": 0.5, "own": 0.6, "both": 0.7, "adapted": 0.55, "true": 0.8}
TURNED = [f"{key}_{way}" for key in ("frontal", "twin", "both") for way in ("turned", "fused")]


def pictures(folder, names, template, light=False):
    rows = [(f"{name}_{e}_{yaw}.png", name, float(yaw), e, template)
            for name in names for e in ("neutral", "smiling") for yaw in (-90, -45, 0, 45, 90)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "expression", "template"])
    for path in table["path"]:
        (folder / path).write_bytes(b"")
    return make_manifest(table.assign(illumination="07") if light else table, folder, "faces")


class Recorded:
    """Steps that write down what they are given; rates come from :data:`RATES`."""

    def __init__(self, broken=()):
        self.calls, self.seen, self.broken, self.digest = [], {}, broken, "0a"

    def toolkit(self):
        names = ("frame", "tighten", "train_generator", "make_views", "train_recogniser", "benchmark")
        steps = {name: getattr(self, name) for name in names}
        return SimpleNamespace(digest_of_generator=lambda given: self.digest, **steps)

    def _note(self, call):
        self.calls.append(call)
        if call in self.broken:
            raise KeyboardInterrupt

    def frame(self, london, out):
        self._note("frame")
        return self._copy(london, out)

    def tighten(self, given, out):
        out.mkdir(exist_ok=True)
        return self._copy(given, out)

    def _copy(self, given, out):
        read_manifest(given).save(out / "copy.csv")
        return out / "copy.csv"

    def train_generator(self, name, people, settings, runs, device):
        self._note(f"generator {runs.name}")
        self.seen[f"teachers {runs.name}"] = read_manifest(people)
        if "data" in settings:
            self.seen["unlabelled"] = read_manifest(settings["data"]["unlabelled"])
        return runs

    def make_views(self, method, people, generator, yaws, sources, out, device):
        self._note(f"views {generator.name}")
        self.seen[f"sources {generator.name}"] = read_manifest(people)
        out.mkdir()
        return self._copy(people, out)

    def train_recogniser(self, name, real, views, settings, runs, device, *, seed):
        self._note(f"recogniser {name}")
        self.seen[f"real {name}"], self.seen[f"views {name}"] = read_manifest(real), len(views)
        (runs / "name").write_text(name)
        return runs

    def benchmark(self, run, test, people, rounds, out, device, turned_by, fuse):
        name = (run / "name").read_text()
        self._note(f"benchmark {name}" + ("" if turned_by is None else f" behind {turned_by.name}") + ", fused" * fuse)
        self.seen["test"], self.seen["people"] = read_manifest(test), people
        wave = np.linspace(-0.1, 0.1, rounds)
        rate = dict.fromkeys(YAWS, RATES[name])
        moved = dict.fromkeys(YAWS, RATES[name] + wave)
        return {figure: Measured(4, rate, moved) for figure in (RANK1, EER)}


@pytest.fixture
def settings(tmp_path):
    for name, people in (("london", NAMES), ("twin", NAMES)):  # both number their people alike
        (tmp_path / name).mkdir()
        pictures(tmp_path / name, people, "twin-64", light=name == "twin").save(tmp_path / name / "index.csv")
    return LondonSettings(
        london=str(tmp_path / "london/index.csv"), twin=str(tmp_path / "twin/index.csv"), splits=(0, 1),
        parts={"train": 6, "val": 2, "test": 4}, twin_people=5, bootstrap_rounds=101,
    )  # fmt: skip


def run(settings, tmp_path, recorded, keys=()):
    systems = choose_systems(keys)
    outcomes = list(run_splits(settings, systems, tmp_path / "out", recorded.toolkit()))
    return systems, outcomes


def test_every_system_sees_what_it_may(settings, tmp_path):
    recorded = Recorded()
    run(settings.model_copy(update={"splits": (0,)}), tmp_path, recorded)
    seen = recorded.seen
    learn, tested = set(seen["real frontal"].subjects), set(seen["test"].subjects)
    assert (len(learn), len(tested)) == (6, 4)
    assert not learn & tested
    assert seen["people"] == NAMES
    for key in RATES:
        yaws = {-90.0, -45.0, 0.0, 45.0, 90.0} if key == "true" else {0.0}
        assert set(seen[f"real {key}"].yaw_degrees) == yaws
        assert set(seen[f"real {key}"].subjects) == learn
        assert seen[f"views {key}"] == (key not in ("frontal", "true"))
    for source in ("twin-64", "own", "both", "adapted"):
        assert set(seen[f"sources {source}"].subjects) == learn
        assert set(seen[f"sources {source}"].yaw_degrees) == {0.0}
    assert set(seen["teachers own"].subjects) == learn
    both = seen["teachers both"].subjects
    assert learn < set(both)
    assert len([name for name in both if name.startswith("twin-")]) == len(learn)
    assert len(both) == 2 * len(learn)  # the twin's person 001 is not London's
    assert len(seen["teachers adapted"].subjects) == 5
    assert set(seen["teachers adapted"].table["illumination"]) == {"07"}  # no photograph among them


@pytest.mark.parametrize("table", ["TWIN_FRAME", "TIGHT"])
def test_other_boxes_cut_the_pictures_anew(settings, tmp_path, monkeypatch, table):
    one = settings.model_copy(update={"splits": (0,)})
    boxes = tmp_path / "boxes.yaml"
    monkeypatch.setattr(london_steps, table, f"crops:{boxes}")
    boxes.write_text("boxes: {0: [1, 1, 20]}\n")
    run(one, tmp_path, Recorded(), ["frontal"])
    kept = Recorded()
    run(one, tmp_path, kept, ["frontal"])
    assert kept.calls == []
    boxes.write_text("boxes: {0: [2, 1, 20]}\n")
    again = Recorded()
    run(one, tmp_path, again, ["frontal"])
    assert again.calls == ["frame"] * (table == "TWIN_FRAME") + ["recogniser frontal", "benchmark frontal"]


def test_turned_probes_train_nothing_of_their_own(settings, tmp_path):
    one = settings.model_copy(update={"splits": (0,)})
    run(one, tmp_path, Recorded(), ["frontal", "twin", "both"])
    again = Recorded()
    run(one, tmp_path, again, TURNED)
    ways = [f"benchmark {name}{way}" for name in ("frontal behind twin-64", "twin behind twin-64", "both behind both")
            for way in ("", ", fused")]  # fmt: skip
    assert again.calls == ways
    # Framed as the generator wants them; others are tested on tight ones.
    assert again.seen["test"].name.endswith("framed-test.parquet")


def test_the_frontal_crop_is_that_of_the_frontal_pictures(tmp_path):
    from pifr.data.align import align_manifest
    from pifr.data.pictures import read_picture, write_picture
    from pifr.data.spec import InputSpec

    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    write_picture(tmp_path / "face.png", noise)
    table = pd.DataFrame([("face.png", "001", 0.0, "twin-64")], columns=["path", "subject", "yaw", "template"])
    make_manifest(table, tmp_path, "faces").save(tmp_path / "faces.csv")
    made = align_manifest(read_manifest(tmp_path / "faces.csv", ["yaw"]), london_steps.TIGHT, tmp_path / "tight", 64)
    recogniser = SimpleNamespace(name="x", sha256="a", training_people=frozenset(), training_folders=frozenset())
    seen = []
    crop = london_steps.FrontalCrop(recogniser, InputSpec(size_px=64, template="twin-64"))
    crop.recogniser = seen.append
    crop(noise[None])
    np.testing.assert_array_equal(seen[0][0], read_picture(made.manifest.paths[0]))


def test_unlabelled_pictures_say_nothing(settings, tmp_path):
    recorded = Recorded()
    run(settings.model_copy(update={"splits": (0,)}), tmp_path, recorded, ["adapted"])
    found = recorded.seen["unlabelled"]
    assert len(found) == 60
    assert found.subjects == ["unknown"]
    assert set(found.table.columns) == {"path", "subject", "template"}
    assert found.template == "twin-64"


def test_it_goes_on_where_it_was_stopped(settings, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(settings, tmp_path, Recorded(broken=("benchmark twin",)), ["frontal", "twin"])
    again = Recorded()
    run(settings.model_copy(update={"splits": (0,)}), tmp_path, again, ["frontal", "twin"])
    assert again.calls == ["benchmark twin"]
    retrained = Recorded()
    retrained.digest = "0b"
    run(settings.model_copy(update={"splits": (0,)}), tmp_path, retrained, ["frontal", "twin"])
    assert retrained.calls == ["views twin-64", "recogniser twin", "benchmark twin"]


def test_the_twin_counts_by_its_pictures_not_by_how_its_path_is_written(settings, tmp_path, monkeypatch):
    one = settings.model_copy(update={"splits": (0,)})
    run(one, tmp_path, Recorded(), ["both"])
    monkeypatch.chdir(tmp_path)
    again = Recorded()
    run(one.model_copy(update={"twin": "twin/index.csv"}), tmp_path, again, ["both"])
    assert again.calls == []
    (tmp_path / "twin" / "001_neutral_0.png").write_bytes(b"other")
    run(one, tmp_path, again, ["both"])
    assert again.calls == ["generator both", "views both", "recogniser both", "benchmark both"]


def test_other_generator_steps_leave_the_other_systems_alone(settings, tmp_path):
    one = settings.model_copy(update={"splits": (0,)})
    run(one, tmp_path, Recorded())
    again = Recorded()
    run(one.model_copy(update={"own_steps": 9}), tmp_path, again)
    assert again.calls == ["generator own", "views own", "recogniser own", "benchmark own"]


def test_results_after_every_split(settings, tmp_path, monkeypatch, capsys):
    recorded = Recorded(broken=())
    monkeypatch.setattr(london_splits, "run_splits", lambda *given: run_splits(*given, recorded.toolkit()))
    monkeypatch.setattr(london_splits, "settings_of", lambda options: settings)
    assert london_splits.main(["--out", str(tmp_path / "out")]) == 0
    assert "1 random split of" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "london_splits.json").read_text())
    assert found["splits"] == [0, 1]
    assert list(found["rows"]) == [*RATES, *TURNED]
    both = found["rows"]["both"]
    assert both["gap_closed_percent"]["45 and 90"]["mean"] == pytest.approx(75.0)  # (0.7 - 0.4) / (0.8 - 0.4)
    change = both["rank1_change_to_frontal_points"]["90"]
    # Rounds rise and fall alike in both systems, and every split says the same: nothing is left uncertain.
    assert (change["mean"], change["interval"], change["corrected_interval"]) == (30.0, [30.0, 30.0], [30.0, 30.0])
    assert both["rank1_percent_by_abs_yaw"]["45"]["interval"] == [pytest.approx(60.5), pytest.approx(79.5)]
    assert "| + views, generator of the twin | 50.0 [" in (tmp_path / "out" / "london_splits.md").read_text()


def test_pages_show_its_tables(settings, tmp_path):
    systems, outcomes = run(settings, tmp_path, Recorded(broken=()), ["frontal", "both", "true"])
    write_json(tmp_path / "london_splits.json", summarise(outcomes[-1], systems, settings, {}))
    page = tmp_path / "page.md"
    text = '<!-- table: london_splits {} rows=frontal,both both="ours" decimals=0 -->\n<!-- /table -->\n'
    page.write_text(text.format("london_rank1") + text.format("london_eer"), encoding="utf-8")
    rank1, eer = rewritten(page, tmp_path).split("<!-- /table -->")[:2]
    assert "| ours | 70 [60, 80] ± 0 |" in rank1
    assert "30 [30, 30] ± 0 {30, 30} | 75 [75, 75] ± 0 {75, 75} |" in rank1
    assert "| ours |" in eer
    assert "gap closed" not in eer


def test_people_who_recur_count_once(settings, tmp_path):
    class Perfect(Recorded):
        def benchmark(self, run, test, people, rounds, out, device, turned_by, fuse):
            super().benchmark(run, test, people, rounds, out, device, turned_by, fuse)
            sure = dict.fromkeys(YAWS, np.ones(rounds))
            return {figure: Measured(4, dict.fromkeys(YAWS, 1.0), sure) for figure in (RANK1, EER)}

    systems, outcomes = run(settings, tmp_path, Perfect(), ["frontal"])
    outcome = outcomes[-1]
    everybody = {name for names in outcome.tested.values() for name in names}
    assert 4 < len(everybody) < 8  # else the next line tells nothing
    found = summarise(outcome, systems, settings, {})
    low = found["rows"]["frontal"]["rank1_percent_by_abs_yaw"]["0"]["interval"][0]
    assert low == pytest.approx(100 * 0.025 ** (1 / len(everybody)), abs=1e-2)
    assert markdown(found).count("\n| frontal only") == 2


def test_the_corrected_interval_by_hand():
    # Three splits, mean 2, variance 1; (1/3 + 20/44) = 0.78788, its root 0.88763; t(0.975, 2) = 4.30265.
    low, high = corrected_interval([1.0, 2.0, 3.0], 20, 44)
    assert (low, high) == (pytest.approx(2 - 4.30265 * 0.88763, abs=1e-4), pytest.approx(2 + 3.81917, abs=1e-3))
    assert corrected_interval([1.0], 20, 44) is None


def test_the_corrected_interval_of_a_gap_by_hand():
    # Gains 1, 2, 3 of gaps 4, 4, 4: the changes of the test above divided by 4.
    low, high = corrected_ratio([1.0, 2.0, 3.0], [4.0, 4.0, 4.0], 20, 44)
    assert (low, high) == (pytest.approx((2 - 3.81917) / 4, abs=1e-3), pytest.approx((2 + 3.81917) / 4, abs=1e-3))
    # A split that closes half of its gap closes half, whatever the gap: nothing is uncertain.
    assert corrected_ratio([1.0, 1.1, 0.9], [2.0, 2.2, 1.8], 20, 44) == (pytest.approx(0.5), pytest.approx(0.5))
    # A gap that may be none at all: its share is noise.
    assert corrected_ratio([1.0, 2.0], [-2.0, 1.0], 20, 44) is None
    assert corrected_ratio([1.0, 1.0], [1.0, -0.5], 20, 44) is None
    assert corrected_ratio([1.0], [2.0], 20, 44) is None


def test_rounds_weigh_a_person_alike_in_every_split(monkeypatch, tmp_path):
    """Two splits with the same scores for person 002: a round that leaves them out does so in both."""
    from pifr.evaluation.measuring import measure_scores
    from pifr.evaluation.scores import ScoreTable
    from pifr.metrics import person_weights

    def table_of(names):
        rows = [(f"{name}_{yaw}", name, yaw) for name in names for yaw in (0.0, 45.0)]
        shown = pd.DataFrame(rows, columns=["path", "subject", "yaw"])
        probe, reference = np.array([(p, r) for p in (1, 3) for r in (0, 2)], dtype=np.int32).T
        right = np.array([name == "002" for name in names])  # 002 is found, the other is not
        scores = [0.9 if (p // 2 == r // 2) == right[p // 2] else 0.1 for p, r in zip(probe, reference, strict=True)]
        return ScoreTable(shown, probe, reference, np.ones(4, bool), {"x": np.array(scores, np.float32)})

    monkeypatch.setattr("pifr.recognition.load_embedder", lambda run, device: None)
    people, weights = ["001", "002", "003"], person_weights(3, 200)
    for names in (["001", "002"], ["002", "003"]):
        monkeypatch.setattr(
            "pifr.evaluation.evaluate",
            lambda *given, measure, names=names, **more: measure_scores(table_of(names), {}, measure=measure),
        )
        measured = london_steps.benchmark(tmp_path, tmp_path, people, 200, tmp_path, "cpu")
        other = people.index(next(name for name in names if name != "002"))
        with np.errstate(invalid="ignore"):
            wanted = weights[:, 1] / (weights[:, 1] + weights[:, other])
        assert measured[RANK1].rate == {"45": 0.5}
        np.testing.assert_allclose(measured[RANK1].rounds["45"], wanted, rtol=1e-6)


def test_the_recipes_are_accepted():
    import ipgan
    from pifr.core.config import check_config
    from pifr.recognition import RecognizerConfig

    settings = LondonSettings(generator_steps=10, own_steps=16, recogniser_steps=7)
    for source in ("own", "both", "adapted"):
        config = check_config(ipgan.TrainConfig, generator_recipe(source, settings), source)
        assert config.model.appearance_flow
        assert (str(config.start_from) == "twin-64") == (source != "own")
        if source != "own":
            assert config.optimizer.lr <= 0.002
            assert (config.steps, config.settle_steps, config.erase_steps) == (10, 0, 0)
            assert config.warmup_steps == (10 if source == "both" else 0)  # the generation path needs all terms
    own = generator_recipe("own", settings)
    assert (own["steps"], own["warmup_steps"], own["coarse_steps"]) == (16, 10, 5)
    recipe = check_config(
        RecognizerConfig, {**recogniser_recipe(settings), "data": {"manifest": "x.csv"}}, "recogniser"
    )
    assert (recipe.steps, recipe.backbone.name, recipe.backbone.width) == (7, "ir18", 0.25)
    yaws, sources = view_recipe()
    assert (min(yaws), max(yaws), sources) == (-90.0, 90.0, 2)


def test_mistakes_end_with_one_line(settings, capsys, tmp_path):
    assert london_splits.main(["--systems", "twins", "--out", str(tmp_path)]) == 1
    assert "--systems: no system 'twins'" in capsys.readouterr().err
    assert london_splits.main(["--splits", "0;1", "--out", str(tmp_path)]) == 1
    assert "--splits: whole numbers" in capsys.readouterr().err
    alone = settings.model_copy(update={"twin": None})
    with pytest.raises(ConfigError, match=r"--twin: the systems both and adapted need rendered pictures"):
        run(alone, tmp_path, Recorded(), ["both"])
    with pytest.raises(DataError, match="99 rendered people are wanted"):
        london_steps.rendered_people(str(settings.twin), 99, 0)


def test_the_tight_boxes_are_those_of_london_v1():
    """A point of the photograph lies at the same place by way of the twin's frame and directly."""
    from pifr.data.geometry import transform_points
    from pifr.data.templates import Face, parse_template

    points = np.array([[120.0, 130.0], [140.0, 170.0], [100.0, 150.0]])
    for yaw in (-90.0, -45.0, 0.0, 45.0, 90.0):
        big = Face(np.full((5, 2), np.nan), yaw, (256, 256), 131.0, "here")
        small = Face(big.landmarks, yaw, (64, 64), math.nan, "here")
        framed = transform_points(points, parse_template(london_steps.TWIN_FRAME).matrix(big, 64))
        tight = transform_points(framed, parse_template(london_steps.TIGHT).matrix(small, 64))
        direct = transform_points(points, parse_template("crops:london-v1").matrix(big, 64))
        np.testing.assert_allclose(tight, direct, atol=0.4)
