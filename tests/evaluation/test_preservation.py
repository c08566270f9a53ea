"""Identity preservation: figures counted by hand, and manifests that do not belong together."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from pifr.cli.report import report
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest
from pifr.data.pictures import read_picture, write_picture
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, measure_preservation
from pifr.evaluation.preservation_result import read_preservation

QUICK = Measure(rounds=50)
CODES = {"a": [1, 0, 0], "b": [0, 1, 0], "c": [0, 0, 1]}


class Corner:
    """The embedding of a picture is written into its first pixel: (R, G, B) - 100, over 100."""

    name, sha256, spec = "corner", "0" * 64, InputSpec(size_px=8)

    def __call__(self, pixels):
        return (pixels[:, 0, 0].astype(np.float32) - 100) / 100


def draw(path, code):
    pixels = np.full((8, 8, 3), 100, np.uint8)
    pixels[0, 0] = np.rint(np.array(code) * 100 + 100)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, pixels)


@pytest.fixture
def sets(tmp_path):
    """Three people, a frontal and a turned picture each; two views of each, one of them spoilt."""
    rows, views = [], []
    for person in CODES:
        for yaw in (0, 60):
            path = f"real/{person}{yaw}.png"
            tilt = 0.0 if yaw == 0 else 0.75  # cosine of 1 and (1, .75): 0.8
            draw(tmp_path / path, np.roll([1, tilt, 0], "abc".index(person)))
            rows.append((path, person, yaw))
    for person in CODES:
        for yaw in (-60, 60):
            path = f"views/{person}{yaw}.png"
            spoilt = person == "c" and yaw == 60
            draw(tmp_path / path, CODES["a"] if spoilt else CODES[person])
            views.append(
                (f"{person}{yaw}.png", person, yaw, str(tmp_path / f"real/{person}0.png"), yaw + 5, not spoilt)
            )
    real = make_manifest(pd.DataFrame(rows, columns=["path", "subject", "yaw"]), tmp_path, "real.csv")
    columns = ["path", "subject", "yaw", "source_path", "yaw_measured", "accepted"]
    return real, make_manifest(pd.DataFrame(views, columns=columns), tmp_path / "views", "views.csv")


def test_figures_equal_a_count_by_hand(sets):
    real, views = sets
    found = measure_preservation(real, views, [Corner()], measure=QUICK, accept_fmr=0.2).systems[0]
    every, left, right = found.overall, found.by_yaw["-60"], found.by_yaw["60"]
    assert (every.views, every.people, every.failures) == (6, 3, 0)
    assert left.cosine.value == pytest.approx(1)
    assert right.cosine.value == pytest.approx(2 / 3)  # the spoilt view is orthogonal to its source
    assert (left.rank1.value, right.rank1.value) == (1, pytest.approx(2 / 3))
    assert every.rank1.value == pytest.approx(5 / 6)
    # Turned pictures lean towards the next person by 0.75 / 1.25 = 0.6; the spoilt view is another's face itself.
    assert left.other.value == pytest.approx(0.6)
    assert right.other.value == pytest.approx((0.6 + 0.6 + 1) / 3)
    # Twelve pairs of two real people: 0 between frontal ones, 0.6 for three, .48 between turned ones.
    assert found.impostor_comparisons == 12
    assert every.accepted.value == pytest.approx(5 / 6)
    assert every.kept.value == pytest.approx(5 / 6)
    assert every.yaw_error.value == pytest.approx(5)
    assert right.real_cosine == pytest.approx(0.8)
    assert np.isnan(left.real_cosine)
    assert every.real_cosine == pytest.approx(0.8)
    low, high = every.rank1.interval.low, every.rank1.interval.high
    assert low <= 5 / 6 <= high
    assert every.rank1.interval.people == 3


def test_the_threshold_is_that_of_real_impostors(sets):
    real, views = sets
    found = measure_preservation(real, views, [Corner()], measure=QUICK, accept_fmr=0.25).systems[0]
    vectors = Corner()(np.stack([read_picture(path) for path in real.paths]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = real.table["subject"].to_numpy()
    impostors = (vectors @ vectors.T)[np.triu(person[:, None] != person, 1)]
    assert np.mean(impostors >= found.threshold) <= 0.25


def test_too_few_impostors_are_said_in_words(sets):
    found = measure_preservation(*sets, [Corner()], measure=QUICK)
    assert found.systems[0].overall.accepted is None
    assert "too few impostors" in found.systems[0].note
    assert set(found.table()["accepted %"]) == {"too few impostors"}
    assert found.to_dict()["systems"][0]["accepted_percent"] is None


def test_failures_are_never_found_and_never_accepted(sets, tmp_path):
    real, views = sets
    views.paths[0].write_bytes(b"no picture")  # a view of a
    draw(real.paths[list(real.table["path"]).index("real/b0.png")], [0, 0, 0])  # the source of b
    found = measure_preservation(real, views, [Corner()], measure=QUICK, accept_fmr=0.5).systems[0].overall
    assert found.failures == 1 + 2
    assert found.rank1.value == pytest.approx(4 / 6)  # b is still known by the turned picture
    assert found.accepted.value == pytest.approx(2 / 6)


def test_yaw_is_measured_by_whoever_is_handed_in(sets):
    real, views = sets
    seen = []

    def estimate(pixels):
        seen.append(pixels.shape)
        return np.full(len(pixels), 50.0)

    found = measure_preservation(real, views, [Corner()], measure=QUICK, estimate_yaw=estimate).systems[0]
    assert seen == [(6, 8, 8, 3)]
    assert found.by_yaw["60"].yaw_error.value == pytest.approx(10)
    assert found.by_yaw["-60"].yaw_error.value == pytest.approx(110)
    plain = make_manifest(views.table.drop(columns=["yaw_measured", "accepted"]), views.folder, "views.csv")
    without = measure_preservation(real, plain, [Corner()], measure=QUICK)
    assert without.systems[0].overall.yaw_error is None
    assert without.systems[0].overall.kept is None
    assert "yaw error°" not in without.table()


def test_what_is_saved_is_what_is_said(sets, tmp_path):
    found = measure_preservation(*sets, [Corner(), Corner()], names=["one", "two"], measure=QUICK, accept_fmr=0.2)
    found.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "preservation.json").read_text()) == found.to_dict()
    table = pd.read_csv(tmp_path / "out" / "preservation.csv")
    assert len(table) == 2 * 3
    assert table["rank1_percent"].tolist()[:3] == [100, pytest.approx(66.6667), pytest.approx(83.3333)]
    printed = found.table()
    assert list(printed["yaw"]) == ["-60", "60", "all"] * 2


def test_sets_that_do_not_belong_together_are_refused(sets, tmp_path):
    real, views = sets

    def changed(row, column, value):
        table = views.table.copy()
        table.loc[row, column] = value
        return make_manifest(table, views.folder, "views.csv")

    with pytest.raises(DataError, match=r"views\.csv, row 3: the source is not among the real pictures, found .*none"):
        measure_preservation(real, changed(2, "source_path", str(tmp_path / "none.png")), [Corner()])
    with pytest.raises(DataError, match="row 1: the source shows another person, found b from a"):
        measure_preservation(real, changed(0, "subject", "b"), [Corner()])
    with pytest.raises(DataError, match="row 2: a view is listed among the real pictures too"):
        measure_preservation(real, changed(1, "path", "../real/a60.png"), [Corner()])
    with pytest.raises(DataError, match="no column 'source_path'"):
        measure_preservation(real, real, [Corner()])
    one = real.select(real.table["subject"] == "a")
    with pytest.raises(DataError, match="at least two real people, found 1"):
        measure_preservation(one, views.select(views.table["subject"] == "a"), [Corner()])
    with pytest.raises(ConfigError, match="a name of its own"):
        measure_preservation(real, views, [Corner(), Corner()])


def test_an_embedder_that_fails_everywhere_is_refused(sets):
    class Nothing(Corner):
        def __call__(self, pixels):
            return np.zeros((len(pixels), 3), np.float32)

    with pytest.raises(DataError, match="not one real picture gave an embedding"):
        measure_preservation(*sets, [Nothing()])


def test_a_judge_that_learned_from_the_people_is_refused_unless_named(sets):
    real, views = sets
    judge = Corner()
    judge.training_people = frozenset(["a", "z"])
    with pytest.raises(DataError, match=r"trained on 1 of the 3 people of the test, found a; .*--allow"):
        measure_preservation(real, views, [judge], measure=QUICK)
    found = measure_preservation(real, views, [judge], measure=QUICK, allow_training_people=True)
    assert found.protocol["notes"] == ["corner was trained on 1 of the 3 people of the test: a"]
    judge.training_folders = frozenset(["/another/set"])
    assert "another set" in measure_preservation(real, views, [judge], measure=QUICK).protocol["notes"][0]


def test_a_missing_view_is_a_failure(sets):
    real, views = sets
    views.paths[0].unlink()
    assert measure_preservation(real, views, [Corner()], measure=QUICK).systems[0].overall.failures == 1


@pytest.mark.parametrize("row", [0, 1])
def test_a_missing_view_has_no_yaw_to_measure_either(sets, row):
    real, views = sets
    views.paths[row].unlink()

    def estimate(pixels):
        return np.full(len(pixels), 20.0)

    found = measure_preservation(real, views, [Corner()], measure=QUICK, estimate_yaw=estimate).systems[0].overall
    there = np.delete(views.yaw_degrees, row)
    assert (found.failures, found.yaw_error.value) == (1, pytest.approx(np.abs(20.0 - there).mean()))


def test_a_saved_result_is_read_back_and_shown(sets, tmp_path):
    found = measure_preservation(*sets, [Corner(), Corner()], names=["one", "<two>"], measure=QUICK, accept_fmr=0.2)
    found.save(tmp_path)
    again = read_preservation(tmp_path)
    assert again.to_dict() == found.to_dict()
    assert again.table().equals(found.table())
    outcome = CliRunner().invoke(report, [str(tmp_path), "--out", str(tmp_path / "p.html")], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    page = (tmp_path / "p.html").read_text()
    assert "Are generated views still the person?" in page
    assert "&lt;two&gt;" in page
    assert "<two>" not in page
    for text in found.table()["cosine to source"]:
        assert text in page


def test_a_damaged_result_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"there is no preservation\.json"):
        read_preservation(tmp_path)
    (tmp_path / "preservation.json").write_text('{"systems": []}')
    with pytest.raises(DataError, match="can't read the preservation result"):
        read_preservation(tmp_path)


def test_real_pictures_from_above_are_no_measure_of_a_level_view(sets):
    """Those of 60 degrees score 0.8 with their source; from above they would be the group's only ones."""
    real, generated = sets
    whole = measure_preservation(real, generated, [Corner()], measure=QUICK).systems[0]
    assert whole.by_yaw["60"].real_cosine == pytest.approx(0.8, abs=0.01)
    table = real.table.assign(camera=["19_1" if yaw == 60 else "05_1" for yaw in real.table["yaw"]])
    above = make_manifest(table, real.folder, "real.csv")
    result = measure_preservation(above, generated, [Corner()], measure=QUICK)
    assert np.isnan(result.systems[0].by_yaw["60"].real_cosine)
    (note,) = result.protocol["notes"]
    assert note == "3 pictures are by cameras that hang above (08_1, 19_1): of no yaw group, as in Multi-PIE"
