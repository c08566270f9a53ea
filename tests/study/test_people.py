"""Who is A, B and C, and what each may see."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.study.people import PARTS, draw_people, is_frontal, split_people
from benchmarks.study.rows import all_rows, choose_rows
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import make_manifest

NAMES = [f"{number:03d}" for number in range(1, 31)]


def pool(sessions=("01", "02"), lights=("07", "04")):
    rows = [
        (f"{name}_{session}_{light}_{yaw}.png", name, float(yaw), session, light)
        for name in NAMES for session in sessions for light in lights for yaw in (-60, 0, 60)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["path", "subject", "yaw", "session", "illumination"])
    return make_manifest(table, ".", "pool")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 10), st.integers(1, 10), st.integers(1, 10), st.integers(0, 99))
def test_nobody_is_two_of_them(a, b, c, seed):
    drawn = draw_people(NAMES, (a, b, c), seed)
    assert [len(drawn[part]) for part in PARTS] == [a, b, c]
    assert len({name for names in drawn.values() for name in names}) == a + b + c
    assert draw_people(NAMES[::-1], (a, b, c), seed) == drawn


def test_another_seed_draws_other_people():
    assert draw_people(NAMES, (10, 10, 10), 0) != draw_people(NAMES, (10, 10, 10), 1)


def test_the_test_has_other_sittings_and_lights():
    drawn = draw_people(NAMES, (10, 10, 5), 0)
    parts = split_people(pool(), drawn, ["07"], ["04"])
    for name, manifest in zip(PARTS, (parts.teachers, parts.singles, parts.test), strict=True):
        assert manifest.subjects == drawn[name]
        assert set(manifest.table["session"]) == ({"02"} if name == "C" else {"01"})
        assert set(manifest.table["illumination"]) == ({"04"} if name == "C" else {"07"})
    assert set(parts.frontal_singles().yaw_degrees) == {0.0}
    assert is_frontal(parts.singles).mean() == pytest.approx(1 / 3)


def test_without_another_sitting_lights_alone_differ():
    parts = split_people(pool(sessions=("01",)), draw_people(NAMES, (5, 5, 5), 0), ["07"], ["04"])
    assert set(parts.test.table["illumination"]) == {"04"}


def test_a_smaller_a_is_part_of_a_larger_one():
    parts = split_people(pool(), draw_people(NAMES, (10, 5, 5), 0), ["07"], ["04"])
    few, more = parts.few_teachers(3).subjects, parts.few_teachers(7).subjects
    assert len(few) == 3
    assert set(few) < set(more) < set(parts.few_teachers(None).subjects)
    with pytest.raises(DataError, match="11 people of A are wanted, found 10"):
        parts.few_teachers(11)


def test_mistakes_are_one_line():
    drawn = draw_people(NAMES, (5, 5, 5), 0)
    with pytest.raises(DataError, match="lights of training and test differ in this study, found 07"):
        split_people(pool(), drawn, ["07"], ["07"])
    with pytest.raises(DataError, match="no picture has these lights, found 11"):
        split_people(pool(), drawn, ["11"], ["04"])
    with pytest.raises(DataError, match="the parts need 31 people"):
        draw_people(NAMES, (11, 10, 10), 0)
    turned = pool()
    turned = turned.select((turned.yaw_degrees != 0) | (turned.table["subject"] != drawn["B"][0]))
    with pytest.raises(DataError, match="1 people of B have no frontal picture"):
        split_people(turned, drawn, ["07"], ["04"])


def test_rows_differ_in_more_than_their_name():
    rows = all_rows()
    assert len({row.key for row in rows}) == len(rows)
    assert len({(*row.recogniser, row.frontalised) for row in rows}) == len(rows)
    assert [row.key for row in choose_rows(["ab", "b"])] == ["b", "ab"]
    with pytest.raises(ConfigError, match=r"no row 'ab_ipgam'; .*ab_ipgan"):
        choose_rows(["ab_ipgam"])
