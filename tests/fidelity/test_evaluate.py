import json

import numpy as np
import pytest

from pifr.core.errors import ConfigError, DataError
from pifr.fidelity import evaluate_generator


@pytest.fixture(scope="module")
def result(generator, people, thumbnail):
    return evaluate_generator(generator, people.of_split("test"), [thumbnail], rounds=50, device="cpu")


def test_every_figure_is_there_and_json_ready(result, tmp_path):
    found = json.loads(result.save(tmp_path / "out.json").read_text())
    assert list(found["rank1_percent_by_abs_yaw"]["thumbnail"]) == ["30", "60", "90", "all"]
    for key in ("rank1_percent_by_abs_yaw", "true_view_rank1_percent_by_abs_yaw"):
        overall = found[key]["thumbnail"]["all"]
        assert 0 <= overall["interval"][0] <= overall["value"] <= overall["interval"][1] <= 100
        assert (overall["trials"], overall["people"]) == (24, 4)
    assert list(found["yaw_mae_degrees_by_yaw"]) == ["-90", "-60", "-30", "30", "60", "90", "all"]
    assert found["true_view_yaw_mae_degrees"]["value"] < 15
    assert set(found["pixels_by_abs_yaw"]) == {"l1", "psnr_db", "ssim"}
    assert found["leakage"]["yaw_from_identity_percent"]["chance"] == pytest.approx(100 / 7, abs=0.01)
    assert found["leakage"]["person_from_pose_percent"]["chance"] == 25
    assert found["leakage"]["person_probe_tested_on_other"] == "views"
    assert found["kid"]["thumbnail"]["value"] is not None
    assert found["protocol"]["judges"] == {"thumbnail": "0" * 64}


def test_table_has_a_row_a_figure(result):
    table = result.table()
    assert list(table.columns) == ["figure", "all", "-90", "-60", "-30", "30", "60", "90"]
    assert "thumbnail: rank-1 %" in set(table["figure"])
    assert table["all"].str.len().all()
    rank1 = table.set_index("figure").loc["thumbnail: rank-1 %"]
    overall = result.identity["thumbnail"].rank1["all"]
    assert rank1["all"].startswith(f"{100 * overall.value:.1f} [")
    assert float(rank1["60"]) == round(100 * result.identity["thumbnail"].rank1["60"].value, 1)
    assert rank1["-60"] == ""


def test_a_generator_that_copies_the_truth_reaches_it(generator, people, thumbnail, monkeypatch):
    """Where generated and true views are the same pictures, every comparison says so."""
    manifest = people.of_split("test")
    from pifr.fidelity import evaluate
    from pifr.fidelity.views import make_views

    def copied(*arguments):
        views = make_views(*arguments)
        views.generated[:] = views.store[views.true]
        return views

    monkeypatch.setattr(evaluate, "make_views", copied)
    found = evaluate_generator(generator, manifest, [thumbnail], rounds=50, device="cpu").to_dict()
    by_judge = [found[f"{side}rank1_percent_by_abs_yaw"]["thumbnail"] for side in ("", "true_view_")]
    assert by_judge[0] == by_judge[1]
    assert found["yaw_mae_degrees"] == found["true_view_yaw_mae_degrees"]
    assert found["pixels_by_abs_yaw"]["l1"]["all"]["value"] == 0
    assert found["pixels_by_abs_yaw"]["ssim"]["all"]["value"] == pytest.approx(1)


def test_without_a_judge_and_with_one_twice(generator, people, thumbnail):
    manifest = people.of_split("test")
    found = evaluate_generator(generator, manifest, people=2, rounds=20, device="cpu")
    assert found.identity == {}
    assert found.swap is None  # a third person is needed to drive
    assert len(found.table())
    with pytest.raises(ConfigError, match="named once"):
        evaluate_generator(generator, manifest, [thumbnail, thumbnail])


def test_a_judge_of_nothing(generator, people):
    class Blank:
        name, sha256 = "blank", ""
        spec = generator.spec

        def __call__(self, pixels):
            return np.zeros((len(pixels), 4), np.float32)

    with pytest.raises(DataError, match="blank: not one gallery picture"):
        evaluate_generator(generator, people.of_split("test"), [Blank()], rounds=20, device="cpu")
