"""The steps of the study that the toolkit does not do by itself."""

import pandas as pd
import pytest
from PIL import Image

from benchmarks.study import steps
from pifr.core.errors import ConfigError, DataError, DependencyError
from pifr.data.manifest import make_manifest
from pifr.data.seen import data_folders


class Stored:
    """A generator of which only the range is asked."""

    def __init__(self, reach):
        self.pose_map = None if reach is None else self
        self.range_degrees = reach


def test_yaws_end_where_the_generator_ends():
    wanted = (-90.0, -75.0, 0.0, 75.0, 90.0)
    assert steps.reachable_yaws(wanted, (-91.3, 88.6)) == [-90.0, -75.0, 0.0, 75.0, 88.6]
    assert steps.reachable_yaws(wanted, (-60.0, 60.0)) == [-60.0, 0.0, 60.0]
    assert steps.reachable_yaws(wanted, None) == list(wanted)


@pytest.mark.parametrize(
    ("reach", "asked"), [((-91.3, 88.6), {"largest_yaw_degrees": 88.6}), ((-95.0, 93.0), {}), (None, {})]
)
def test_views_on_the_fly_turn_no_farther_than_learned(monkeypatch, tmp_path, reach, asked):
    monkeypatch.setattr("ipgan.stored.read_stored", lambda path: Stored(reach))
    assert steps._largest_turn(tmp_path) == asked


class Taught:
    """A generator that tells whom it learned from."""

    name, training_people = "g", frozenset(["001", "002"])

    def __init__(self, *folders):
        self.training_folders = frozenset(folders)


@pytest.mark.parametrize("folders", [(), ("here",)])
def test_a_given_generator_that_knows_people_of_the_study_is_refused(monkeypatch, tmp_path, folders):
    monkeypatch.chdir(tmp_path)
    taught = Taught(*(str(tmp_path / each) for each in folders))
    monkeypatch.setattr("ipgan.stored.read_stored", lambda given: taught)
    told = "--generator g: this generator was trained on 1 of the 2 people of B and C, found 001; leave"
    with pytest.raises(DataError, match=told):
        steps.refuse_taught("g", ["001", "003"], [str(tmp_path / "here")])
    steps.refuse_taught("g", ["003"], [str(tmp_path / "here")])


def test_names_of_another_data_set_are_other_people(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("ipgan.stored.read_stored", lambda given: Taught(str(tmp_path / "elsewhere")))
    steps.refuse_taught("g", ["001", "003"], [str(tmp_path)])
    assert "g: 1 people of its training data, another set, are named as in B and C" in capsys.readouterr().err


def test_a_generator_of_an_earlier_study_is_known_by_where_its_pictures_lie(monkeypatch, tmp_path):
    table = pd.DataFrame({"path": [f"pictures/{name}/a.png" for name in ("001", "002", "003")]})
    pool = make_manifest(table.assign(subject=["001", "002", "003"]), tmp_path / "pool", "pool")
    (tmp_path / "earlier" / "generators").mkdir(parents=True)
    teachers = pool.select(pool.table["subject"] != "003").save(tmp_path / "earlier" / "generators" / "people.csv")
    monkeypatch.setattr("ipgan.stored.read_stored", lambda given: Taught(*data_folders(teachers)))
    with pytest.raises(DataError, match="trained on 1 of the 2 people of B and C, found 001"):
        steps.refuse_taught("g", ["001", "003"], data_folders(pool))
    steps.refuse_taught("g", ["003"], data_folders(pool))


def test_the_shipped_generator_does_not_tell_and_stays_usable(tmp_path):
    steps.refuse_taught("twin-64", ["001"], [str(tmp_path)])


def test_a_given_generator_is_known_by_its_weights():
    assert len(steps.digest_of_generator("twin-64")) == 64


@pytest.fixture
def people(tmp_path):
    """Write a manifest of one picture."""
    Image.new("RGB", (64, 64)).save(tmp_path / "a.png")
    table = pd.DataFrame({"path": ["a.png"], "subject": ["a"], "template": ["twin-64"]})
    return make_manifest(table, tmp_path, "people").save(tmp_path / "people.csv").folder / "people.csv"


def test_a_method_that_is_not_installed_is_a_missing_piece(monkeypatch, tmp_path, people):
    def lacking(*given):
        raise DependencyError("the method needs a package")

    monkeypatch.setattr("pifr.augment.methods.open_method", lacking)
    monkeypatch.setattr("pifr.augment.open_method", lacking)
    with pytest.raises(steps.MissingPieceError, match="the method headmodel is not here, found the method needs"):
        steps.make_views("headmodel", people, None, [30.0], 1, tmp_path / "out", "cpu")


def test_any_other_mistake_ends_the_study(tmp_path, people):
    with pytest.raises(ConfigError, match="unknown method 'nothing'"):
        steps.make_views("nothing", people, None, [30.0], 1, tmp_path / "out", "cpu")
