import numpy as np
import pytest
from click.testing import CliRunner

from ipgan import Rotator, train
from ipgan.calibration import calibrate
from ipgan.cli import ipgan_command
from pifr.core.errors import DataError
from pifr.data.manifest import read_manifest


@pytest.fixture(scope="module")
def without_degrees(people, small_recipe, tmp_path_factory):
    """A run that was never told a yaw."""
    return train(small_recipe(people, data={"use_yaw": False}, steps=2), tmp_path_factory.mktemp("runs")).run.path


def test_degrees_are_learned_where_none_were_known(without_degrees, people, tmp_path):
    assert Rotator.load(without_degrees).pose_map is None
    out = tmp_path / "with-degrees"
    told = CliRunner().invoke(ipgan_command, ["calibrate", str(without_degrees), str(people), "--out", str(out)])
    assert told.exit_code == 0, told.output
    assert "yaws from" in told.output
    rotator = Rotator.load(out)
    assert rotator.pose_map is not None
    assert rotator.rotate(np.zeros((1, 32, 32, 3), np.uint8), [-20, 20]).shape == (1, 2, 32, 32, 3)


def test_known_yaws_are_taken_and_missing_ones_estimated(without_degrees, people):
    manifest = read_manifest(people)
    known = calibrate(Rotator.load(without_degrees), manifest)
    yaws = manifest.yaw_degrees
    assert known.range_degrees == pytest.approx((yaws.min(), yaws.max()), abs=5)
    table = manifest.table.drop(columns=["yaw", "pitch"], errors="ignore")
    from dataclasses import replace

    estimated = calibrate(Rotator.load(without_degrees), replace(manifest, table=table))
    assert not np.array_equal(estimated.yaws_degrees, known.yaws_degrees)


def test_one_side_alone_is_refused(without_degrees, people):
    manifest = read_manifest(people)
    frontal = manifest.select(np.abs(manifest.yaw_degrees) < 1)
    with pytest.raises(DataError, match="one yaw"):
        calibrate(Rotator.load(without_degrees), frontal)
