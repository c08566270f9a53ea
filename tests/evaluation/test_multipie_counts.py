"""Multi-PIE's published counts on the whole room of the twin, listed without rendering a picture."""

import pytest

from pifr.data.manifest import make_manifest
from pifr.evaluation.protocols import load_protocol
from pifr.twin.config import TwinConfig
from pifr.twin.index import twin_index

LIGHTS = ("00", "07", "18")


@pytest.fixture(scope="module")
def neutral():
    """All 337 people, all sessions and cameras, one neutral recording, the lights above."""
    index = twin_index(TwinConfig(recordings=(1,), lights=LIGHTS))
    return make_manifest(index, ".", "twin's index")


def per_light(count):
    """Counts of 20 lights, as published, in the lights that are listed here."""
    return count // 20 * len(LIGHTS)


def test_setting_two_has_the_published_people_and_probes(neutral):
    applied = load_protocol("multipie-setting-2", neutral)
    assert len(applied.enrolment) == 137
    assert len(applied.probes) == per_light(72_000)
    subject, session = (neutral.table[name].to_numpy() for name in ("subject", "session"))
    kept = applied.part == ""
    assert len(set(subject[kept])) == 200
    training = set(zip(subject[kept], session[kept], strict=True))
    assert len(training) == 621  # subject-sessions; 621 x 13 x 20 = 161,460 training pictures
    for row in applied.enrolment:
        assert session[row] == min(session[subject == subject[row]])


def test_setting_one_has_the_officially_attending_people(neutral):
    # The official guide gives 249 people in session 1 where the papers say 250, hence 99 test people for their 100.
    applied = load_protocol("multipie-setting-1", neutral)
    kept = (applied.part == "") & (neutral.table["session"] == "01").to_numpy()
    assert neutral.table["subject"][kept].nunique() == 150
    assert len(applied.enrolment) == 99
    assert len(applied.probes) == per_light(99 * 12 * 20)
    assert "99 enrolled, the published protocol has 100" in applied.notes


def test_the_full_lights_give_the_full_counts():
    # Three people do for the factor: 12 cameras x 20 lights a person, of which none is enrolled.
    index = make_manifest(twin_index(TwinConfig(people=3, sessions=(1,), recordings=(1,))), ".", "index")
    applied = load_protocol("multipie-setting-1", index, train_people=0)
    assert len(applied.probes) == len(applied.enrolment) * 12 * 20


def test_bobs_clients_are_208_64_and_65(neutral):
    applied = load_protocol("multipie-p", neutral)
    subject = neutral.table["subject"].to_numpy()
    assert len(set(subject[applied.part == ""])) == 208
    assert len(set(subject[applied.part == "dev"])) == 64
    assert len(set(subject[applied.part == "eval"])) == 65
    # Enrolled where they came to session 1, searched for where they came again; 13 cameras, one light.
    enrolled = set(subject[applied.enrolment])
    came_again = neutral.table[(neutral.table["session"] != "01") & neutral.table["subject"].isin(enrolled)]
    sittings = came_again.loc[applied.part[came_again.index] != "", ["subject", "session"]].drop_duplicates()
    assert len(applied.probes) == 13 * len(sittings)


@pytest.mark.parametrize(("name", "lights"), [("multipie-m", 1), ("multipie-u", 3), ("multipie-p110", 1)])
def test_bobs_single_camera_protocols_are_a_thirteenth(neutral, name, lights):
    whole = load_protocol("multipie-p", neutral)
    assert 13 * len(load_protocol(name, neutral).probes) == lights * len(whole.probes)
