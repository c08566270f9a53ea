from pathlib import Path

import pytest

from benchmarks.ablation import ROWS, headline, merged, table
from ipgan.config import TrainConfig
from pifr.core.config import check_config, load_config


@pytest.mark.parametrize("row", list(ROWS))
def test_every_row_is_a_recipe_and_changes_it(row):
    full = check_config(TrainConfig, {"settle_steps": 10, "model": {"appearance_flow": True}}, "full").model_dump(
        mode="json"
    )
    cell = check_config(TrainConfig, merged(full, ROWS[row]), row).model_dump(mode="json")
    assert (cell != full) == (row != "full")


def test_every_row_suits_the_recipe_for_one_core():
    recipe = load_config(TrainConfig, Path(__file__).parents[2] / "benchmarks" / "ablation.yaml").model_dump(
        mode="json"
    )
    assert recipe["warmup_steps"] + recipe["settle_steps"] < recipe["steps"]
    for row, changes in ROWS.items():
        check_config(TrainConfig, merged(recipe, changes), row)


def test_changes_reach_into_sections_and_leave_the_recipe_alone():
    recipe = {"losses": {"kl": 1, "yaw": 2}, "steps": 3}
    assert merged(recipe, {"losses": {"kl": 0}}) == {"losses": {"kl": 0, "yaw": 2}, "steps": 3}
    assert recipe["losses"]["kl"] == 1


def test_headline_averages_the_turned_views():
    def value(number):
        return {"value": number}

    figures = {
        "rank1_percent_of_true_view_by_abs_yaw": {
            "dlib": {"all": value(9), "0": value(100), "45": value(80), "60": value(60), "90": value(None)}
        },
        "yaw_mae_degrees": value(3.0),
        "pixels_by_abs_yaw": {"l1": {"all": value(0.1)}, "ssim": {"all": value(0.5)}},
        "leakage": {"yaw_from_identity_percent": value(9.0), "person_from_pose_percent": value(2.0)},
    }
    found = headline(figures)
    assert found["dlib: rank-1, % of true views', 45-90"] == 70
    assert found["leakage: yaw from identity, %"] == 9


def test_table_gives_means_and_ranges():
    text = table({"full": {"0": {"L1": 0.1}, "1": {"L1": 0.3}}, "no KL": {"0": {"L1": 0.5}}})
    assert text.splitlines()[2] == "| full | 0.2 (0.1 to 0.3) |"
    assert text.splitlines()[3] == "| no KL | 0.5 |"
