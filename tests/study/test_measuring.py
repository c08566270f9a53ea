"""One recogniser's figures by yaw: the same whether its comparisons are held in memory or streamed past."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.study.measuring import figures_by_yaw
from pifr.core.errors import DataError
from pifr.data.manifest import make_manifest
from pifr.data.spec import InputSpec
from pifr.evaluation import read_result

FAR = 0.1
YAWS = (0, 0, 45, -45, 60, -60, 90)


class Pixels:
    """A recogniser that compares pixels."""

    name, sha256, spec = "pixels", "0" * 64, InputSpec(size_px=8, template="x-8")

    def __call__(self, pixels):
        return (pixels.reshape(len(pixels), -1) - 127.5).astype(np.float32)


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """Twelve people whose faces are the noisier the farther they turn."""
    folder, rng, rows = tmp_path_factory.mktemp("tested"), np.random.default_rng(0), []
    for person in range(12):
        face = rng.integers(60, 200, (8, 8, 3))
        for number, yaw in enumerate(YAWS):
            name = f"{person:03d}_{number}.png"
            seen = np.clip(face + rng.normal(0, 60 + 2 * abs(yaw), face.shape), 0, 255).astype(np.uint8)
            Image.fromarray(seen).save(folder / name)
            rows.append((name, f"{person:03d}", float(yaw), "x-8"))
    columns = ["path", "subject", "yaw", "template"]
    make_manifest(pd.DataFrame(rows, columns=columns), folder, "tested").save(folder / "tested.csv")
    return folder / "tested.csv"


def measured(tested, out, people, **more):
    return figures_by_yaw(Pixels(), tested, people, 60, (FAR,), out, "cpu", **more)


def test_more_comparisons_than_memory_holds_give_the_same_rounds(tested, tmp_path):
    people = [f"{person:03d}" for person in range(20)]  # eight more could have been tested
    (held_people, held), (people_streamed, streamed) = (
        measured(tested, tmp_path / name, people, **limit)
        for name, limit in (("held", {}), ("streamed", {"max_score_rows": 50}))
    )
    assert held_people == people_streamed == 12
    assert list(held) == list(streamed) == ["0", "45", "60", "90"]
    for yaw, one in held.items():
        other = streamed[yaw]
        assert (one.rank[1], one.tar[0].tar, one.eer) == (other.rank[1], other.tar[0].tar, other.eer)
        np.testing.assert_array_equal(one.rank_interval[1].rounds, other.rank_interval[1].rounds)
        np.testing.assert_allclose(one.tar_interval[FAR].rounds, other.tar_interval[FAR].rounds, atol=1e-6)
        np.testing.assert_allclose(one.eer_interval.rounds, other.eer_interval.rounds, atol=1e-6)
    for name in ("held", "streamed"):  # the folder says whom a round drew from
        again = read_result(tmp_path / name).systems[0].by_abs_yaw["90"]
        np.testing.assert_allclose(again.rank_interval[1].rounds, held["90"].rank_interval[1].rounds)


@pytest.mark.parametrize("limit", [{}, {"max_score_rows": 50}])
def test_a_round_draws_from_everybody_who_could_be_tested(tested, tmp_path, limit):
    few, many = ([f"{person:03d}" for person in range(count)] for count in (12, 20))
    one, other = (measured(tested, tmp_path / str(len(people)), people, **limit)[1]["90"] for people in (few, many))
    assert one.rank == other.rank
    assert not np.array_equal(one.rank_interval[1].rounds, other.rank_interval[1].rounds)


@pytest.mark.parametrize("limit", [{}, {"max_score_rows": 50}])
def test_somebody_whom_no_round_draws_is_told(tested, tmp_path, limit):
    people = [f"{person:03d}" for person in range(1, 12)]
    with pytest.raises(DataError, match="drawn_from: somebody is tested whom no bootstrap round draws, found 000"):
        measured(tested, tmp_path, people, **limit)
