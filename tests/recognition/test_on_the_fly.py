"""Views drawn inside the training step: which poses, of whom, computed once, and a run that resumes exactly."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ipgan import Rotator
from ipgan.config import ModelConfig
from ipgan.networks import build_rotation
from ipgan.pose_map import PoseMap
from pifr.core.checkpoint import latest_checkpoint
from pifr.core.config import check_config
from pifr.core.errors import CheckpointError, ConfigError, DataError
from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.on_the_fly import YawOdds, bin_odds, open_on_the_fly, source_rows
from pifr.recognition.sections import OnTheFlyConfig
from pifr.recognition.training import train_recognizer
from pifr.recognition.training_data import open_pixels_once, read_training_data

Recipe = Callable[..., RecognizerConfig]
EDGES = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])


def save_generator(folder: Path, size_px: int = 64, seed: int = 0) -> Path:
    """Write a generator of random weights that knows -90 to 90 degrees."""
    torch.manual_seed(seed)
    sizes = {
        "generator_channel_base": 256, "encoder_channel_base": 128, "discriminator_channel_base": 128,
        "pose_channel_base": 128, "channel_max": 16, "identity_dim": 16, "pose_dim": 4, "style_dim": 16,
    }  # fmt: skip
    rotation = build_rotation(check_config(ModelConfig, sizes, "test"), size_px)
    pose_map = PoseMap(np.array([-90.0, 90.0]), np.array([[-1] * 4, [1] * 4], dtype=np.float32))
    spec = InputSpec(size_px=size_px, template="unaligned")
    return Rotator(rotation, spec, pose_map, "random", "", torch.device("cpu")).save(folder)


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_generator(tmp_path_factory.mktemp("generator") / "saved")


class Quarters:
    """A judge that sees the mean colour of a picture's quarters."""

    spec = InputSpec(size_px=64, template="unaligned")
    name, sha256 = "quarters", "1" * 64
    calls = 0

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        Quarters.calls += 1
        return pixels.reshape(len(pixels), 2, 32, 2, 32, 3).mean((2, 4)).reshape(len(pixels), -1).astype(np.float32)


@given(
    odds=st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=4, max_size=4).filter(any), min_size=1,
                  max_size=4),
    limit=st.floats(1, 100), seed=st.integers(0, 9),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_only_accepted_bins_within_the_limit_are_drawn(odds: list[list[float]], limit: float, seed: int) -> None:
    table = YawOdds(EDGES, np.array(odds))
    sources = np.repeat(np.arange(len(odds)), 50)
    yaws = table.draw(sources, np.random.default_rng(seed), limit)
    bins = np.clip(np.digitize(yaws, EDGES) - 1, 0, 3)
    assert (table.odds[sources, bins] > 0).all()
    nearest = np.abs(EDGES[[1, 2, 2, 3]])  # the mildest yaw of each bin
    for source, row in enumerate(odds):
        mine = np.abs(yaws[sources == source])
        mild = nearest[np.array(row) > 0] < limit
        if mild.any():
            assert mine.max() <= limit
        else:  # nothing so mild was accepted: the bin nearest to the front
            assert mine.min() >= nearest[np.array(row) > 0].min()


def test_bins_are_drawn_as_often_as_their_odds_say() -> None:
    table = YawOdds(EDGES, np.array([[1.0, 0.0, 2.0, 1.0]]))
    yaws = table.draw(np.zeros(20_000, int), np.random.default_rng(0))
    shares = np.histogram(yaws, EDGES)[0] / len(yaws)
    np.testing.assert_allclose(shares, [0.25, 0.0, 0.5, 0.25], atol=0.02)
    # A limit of 15 degrees leaves half of the third bin alone.
    limited = table.draw(np.zeros(1000, int), np.random.default_rng(0), 15.0)
    assert limited.min() >= 0
    assert limited.max() <= 15


def test_the_normal_distribution_in_bins() -> None:
    config = OnTheFlyConfig(generator="x", yaws="normal", std_degrees=30, largest_yaw_degrees=60)
    # Between -60 and 60, two standard deviations: 0.1359, 0.3413, 0.3413, 0.1359 of 0.9545.
    np.testing.assert_allclose(bin_odds(EDGES, config), np.array([0.1359, 0.3413, 0.3413, 0.1359]) / 0.9545, atol=1e-4)


def test_sources_are_real_and_the_most_frontal_first(recipe: Recipe) -> None:
    data = read_training_data(recipe())
    rows = source_rows(data, OnTheFlyConfig(generator="x", sources_per_person=2))
    yaws = data.train.yaw_degrees[rows]
    assert len(rows) == 16
    assert sorted(yaws[data.labels[rows] == 0]) == [-30, 0]  # the first of two pictures at 30
    assert len(source_rows(data, OnTheFlyConfig(generator="x", sources_per_person=9))) == 24


def test_codes_and_cosines_are_computed_once(
    recipe: Recipe, generator: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIFR_CACHE", str(tmp_path))
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator, wanted = Rotator.load(generator, "cpu"), OnTheFlyConfig(generator="x", min_cosine=-1.0, bin_degrees=45)
    monkeypatch.setattr(Quarters, "calls", 0)
    first = open_on_the_fly(wanted, data, store, rotator, Quarters())
    calls = Quarters.calls
    assert calls == 5  # the sources and four bins of views
    monkeypatch.setattr(rotator, "identity_codes", lambda pixels: pytest.fail("computed again"))
    again = open_on_the_fly(wanted, data, store, rotator, Quarters())
    assert Quarters.calls == calls
    assert torch.equal(first.codes, again.codes)
    assert first.codes.shape == (24, 16)
    np.testing.assert_allclose(first.seen_from, rotator.pose_codes(store[first.rows]), atol=1e-4)


def test_a_view_on_the_fly_is_the_view_on_disk(recipe: Recipe, generator: Path) -> None:
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator = Rotator.load(generator, "cpu")
    views = open_on_the_fly(OnTheFlyConfig(generator="x"), data, store, rotator, None)
    yaws = np.array([-75.0, 10.0])
    drawn = views.images(views.fresh(np.arange(2), yaws, store))
    written = rotator.generate(rotator.identity_codes(store[views.rows[:2]]), rotator.poses_for_yaws(yaws))
    pixels = (drawn * 127.5 + 127.5).permute(0, 2, 3, 1).numpy()
    # Two batch sizes may round differently in the last bit: one grey level at most.
    assert np.abs(pixels - written).max() <= 1.001
    np.testing.assert_allclose(pixels, pixels.round(), atol=1e-3)


def test_poses_below_the_threshold_are_never_drawn(recipe: Recipe, generator: Path) -> None:
    data = read_training_data(recipe())
    store = open_pixels_once(data.train, 64)
    rotator = Rotator.load(generator, "cpu")
    everything = open_on_the_fly(OnTheFlyConfig(generator="x"), data, store, rotator, None)
    assert (everything.yaw_odds.odds > 0).all()
    with pytest.raises(DataError, match="no pose of any source is accepted, found 1, the best view has"):
        open_on_the_fly(OnTheFlyConfig(generator="x", min_cosine=1.0), data, store, rotator, Quarters())


def test_what_can_not_be_used_is_one_line(recipe: Recipe, people: Manifest, generator: Path, tmp_path: Path) -> None:
    def train(**changes: object) -> None:
        view = {"generator": str(generator), **changes.pop("view", {})}  # type: ignore[dict-item]
        train_recognizer(recipe(steps=1, on_the_fly=view, **changes), tmp_path, device="cpu")

    with pytest.raises(ConfigError, match=r"min_cosine needs on_the_fly.judge"):
        train(view={"min_cosine": 0.5})
    with pytest.raises(ConfigError, match=r"no place in a batch with batch.generated_share=0"):
        train(batch={"generated_share": 0})
    with pytest.raises(DataError, match="pictures of another size than the recogniser takes, found 64 and 80 px"):
        train(size_px=80)
    with pytest.raises(DataError, match="turns faces by -90 to 90 degrees, found a request for -120"):
        train(view={"largest_yaw_degrees": 120})
    table = people.table.assign(path=[str(path) for path in people.paths])
    table[table["yaw"].abs() == 90].to_csv(tmp_path / "profiles.csv", index=False)
    with pytest.raises(DataError, match="nobody has a real picture frontal enough"):
        train(data={"manifest": str(tmp_path / "profiles.csv"), "validation_split": None})
    assert [path.name for path in tmp_path.iterdir()] == ["profiles.csv"]


def test_a_resumed_run_draws_the_same_views(recipe: Recipe, generator: Path, tmp_path: Path) -> None:
    changes = {
        "on_the_fly": {"generator": str(generator), "bin_degrees": 30},
        "mixing": {"generated_weight": 0.5, "separate_statistics": True, "curriculum_share": 0.5},
        "optimization": {"warmup_steps": 0, "schedule": "constant", "ema_half_life_steps": 4},
        "intervals": {"validation": 2, "checkpoint": 2, "keep_best": 2}, "precision": "bfloat16",
    }  # fmt: skip
    run = train_recognizer(recipe(steps=4, **changes), tmp_path, device="cpu").run
    unbroken = latest_checkpoint(run.checkpoints).weights()
    assert {name.partition(".")[0] for name in unbroken} == {"backbone", "trained", "auxiliary", "loss"}
    assert not torch.equal(unbroken["backbone.embedding.weight"], unbroken["trained.embedding.weight"])
    top = sorted(path.name for path in (run.path / "top").iterdir())
    assert top == ["step-00000002", "step-00000004"]
    shutil.rmtree(run.checkpoints / "step-00000004")
    train_recognizer(recipe(steps=4, **changes), tmp_path, resume=run.path, device="cpu")
    resumed = latest_checkpoint(run.checkpoints).weights()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in unbroken.items())
    assert sorted(path.name for path in (run.path / "top").iterdir()) == top


def test_a_run_resumed_with_another_generator_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    config = recipe(steps=1, on_the_fly={"generator": str(save_generator(tmp_path / "generator"))})
    run = train_recognizer(config, tmp_path / "runs", device="cpu").run
    save_generator(tmp_path / "generator", seed=1)
    with pytest.raises(CheckpointError, match="generated its views with other weights"):
        train_recognizer(config, tmp_path / "runs", resume=run.path, device="cpu")
