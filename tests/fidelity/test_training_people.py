"""A generator is measured on people it never saw, unless somebody says so."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ipgan.cli import ipgan_command
from pifr.core.errors import DataError
from pifr.data.manifest import read_manifest
from pifr.data.spec import InputSpec
from pifr.fidelity import evaluate, evaluate_generator


class PassedError(Exception):
    """The check let it pass, and faces would be drawn next."""


@pytest.fixture
def stopped(monkeypatch):
    """End an evaluation where its faces would be drawn."""

    def stop(*arguments):
        raise PassedError

    monkeypatch.setattr(evaluate, "make_views", stop)


@pytest.fixture(scope="module")
def its_own(generator_run):
    """The manifest that the generator was trained on, where it lies."""
    return read_manifest(generator_run.parent.parent / "people.csv")


def test_training_people_are_refused_before_a_face_is_drawn(generator, its_own, stopped):
    with pytest.raises(DataError, match=r"the generator was trained on 8 of the 12 people of the test.*--allow"):
        evaluate_generator(generator, its_own, device="cpu")


def test_other_splits_of_its_manifest_pass(generator, its_own, stopped):
    with pytest.raises(PassedError):
        evaluate_generator(generator, its_own.of_split("test"), device="cpu")


def test_only_those_who_are_turned_count(generator, its_own, stopped, monkeypatch):
    first, *others = its_own.subjects
    monkeypatch.setattr(generator, "training_people", frozenset(others[1:]))
    with pytest.raises(PassedError):
        evaluate_generator(generator, its_own, people=2, device="cpu")
    # Nor does somebody count of whom there is no frontal source.
    monkeypatch.setattr(generator, "training_people", frozenset([first]))
    turned = its_own.table["yaw"].where(its_own.table["subject"] != first, 90.0)
    with pytest.raises(PassedError):
        evaluate_generator(generator, replace(its_own, table=its_own.table.assign(yaw=turned)), device="cpu")


def test_a_generator_from_before_this_was_written_passes(generator, its_own, stopped, monkeypatch):
    monkeypatch.setattr(generator, "training_people", frozenset())
    with pytest.raises(PassedError):
        evaluate_generator(generator, its_own, device="cpu")


def test_the_same_pictures_are_refused_whatever_manifest_names_them(generator, people, stopped):
    with pytest.raises(DataError, match=r"the generator was trained on 8 of the 12 people of the test.*--allow"):
        evaluate_generator(generator, people, device="cpu")


def test_names_of_another_data_set_pass(generator, people, stopped, tmp_path):
    copied = shutil.copytree(people.folder, tmp_path / "another")
    with pytest.raises(PassedError):
        evaluate_generator(generator, replace(people, folder=copied), device="cpu")


class Taught:
    """A judge that tells whom it learned from."""

    name, sha256, spec = "taught", "0" * 64, InputSpec(size_px=8)

    def __init__(self, people, folder):
        self.training_people, self.training_folders = frozenset(people), frozenset([str(folder.resolve())])


def test_a_judge_that_knows_the_people_of_the_test_is_refused(generator, its_own, stopped):
    unseen = its_own.of_split("test")
    judge = Taught(unseen.subjects, its_own.folder)
    with pytest.raises(DataError, match=r"taught: the judge was trained on 4 of the 4 people of the test.*--allow"):
        evaluate_generator(generator, unseen, [judge], device="cpu")
    for harmless in (Taught(its_own.of_split("train").subjects, its_own.folder), Taught(unseen.subjects, Path("/"))):
        with pytest.raises(PassedError):
            evaluate_generator(generator, unseen, [harmless], device="cpu")


def test_a_judge_that_is_allowed_is_noted(generator, its_own, thumbnail, monkeypatch):
    unseen = its_own.of_split("test")
    monkeypatch.setattr(thumbnail, "training_people", frozenset(unseen.subjects), raising=False)
    found = evaluate_generator(
        generator, unseen, [thumbnail], rounds=20, device="cpu", allow_training_people=True
    ).protocol["notes"]  # fmt: skip
    assert len(found) == 1
    assert found[0].startswith("thumbnail was trained on 4 of the 4 people of the test")


def test_the_command_has_an_option_that_is_noted(generator_run, its_own):
    arguments = ["evaluate", "--model", generator_run, "--data", its_own.name, "--people", 2, "--device", "cpu"]
    given = [str(argument) for argument in arguments]
    with pytest.raises(DataError, match=r"trained on 2 of the 2 people"):
        CliRunner().invoke(ipgan_command, [*given, "--split", "train"], catch_exceptions=False)
    out = generator_run.parent / "out.json"
    more = ["--split", "train", "--allow-training-people", "--json", str(out)]
    found = CliRunner().invoke(ipgan_command, [*given, *more], catch_exceptions=False)
    assert "note: " in found.stderr
    assert "was trained on 2 of the 2 people of the test" in out.read_text()
