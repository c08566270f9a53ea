"""Who is A, B and C, and what each may see."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.study.people import PARTS, draw_people, is_frontal, split_people
from benchmarks.study.pool import ManifestPool, TwinPool
from benchmarks.study.rows import all_rows, choose_rows
from benchmarks.study.settings import StudySettings
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
    drawn = draw_people(NAMES, NAMES, (a, b, c), seed)
    assert [len(drawn[part]) for part in PARTS] == [a, b, c]
    assert len({name for names in drawn.values() for name in names}) == a + b + c
    assert draw_people(NAMES[::-1], NAMES[::-1], (a, b, c), seed) == drawn


def test_another_seed_draws_other_people():
    assert draw_people(NAMES, NAMES, (10, 10, 10), 0) != draw_people(NAMES, NAMES, (10, 10, 10), 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 99))
def test_c_came_to_the_other_sitting_and_takes_nobody_whom_a_and_b_need(only_first, only_other, seed):
    first, other = NAMES[: 30 - only_other], NAMES[only_first:]
    if len(first) < 20:
        return
    most = len({*first, *other}) - 20 if len(other) > len({*first, *other}) - 20 else len(other)
    if most:
        drawn = draw_people(first, other, (12, 8, most), seed)
        assert set(drawn["A"]) | set(drawn["B"]) <= set(first)
        assert set(drawn["C"]) <= set(other)
        assert len({name for names in drawn.values() for name in names}) == 20 + most
    with pytest.raises(DataError, match=f"{most + 1} people of C are wanted, found {most} who"):
        draw_people(first, other, (12, 8, most + 1), seed)


def test_a_manifest_knows_who_can_be_whom(tmp_path):
    table = pool().table
    only_first, only_other, turned = NAMES[0], NAMES[1], NAMES[2]
    table = table[(table["subject"] != only_first) | (table["session"] == "01")]
    table = table[(table["subject"] != only_other) | (table["session"] == "02")]
    table = table[(table["subject"] != turned) | (table["yaw"] != 0)]
    table[~table["path"].str.startswith("020_02_04")].to_csv(tmp_path / "people.csv", index=False)
    people = ManifestPool(StudySettings(twin=str(tmp_path / "people.csv"), train_lights=("07",), test_lights=("04",)))
    assert people.trainable() == sorted({*NAMES} - {only_other, turned})
    assert people.testable() == sorted({*NAMES} - {only_first, turned, "020"})


def test_pictures_that_changed_under_the_same_table_are_other_people_to_draw_from(tmp_path):
    found = []
    for name, pixels in (("one", b"a"), ("copy", b"a"), ("other", b"b")):
        table = pool(sessions=("01",)).table
        (tmp_path / name).mkdir()
        for path in table["path"]:
            (tmp_path / name / path).write_bytes(pixels)
        table.to_csv(tmp_path / name / "people.csv", index=False)
        found.append(ManifestPool(StudySettings(twin=str(tmp_path / name / "people.csv"))).fingerprint())
    assert found[0] == found[1] != found[2]


def test_the_twin_has_enough_people_for_the_whole_study(tmp_path):
    twin, sizes = TwinPool(StudySettings(), tmp_path), StudySettings().people
    drawn = draw_people(twin.trainable(), twin.testable(), sizes, 0)
    assert [len(drawn[part]) for part in PARTS] == list(sizes)


def test_the_test_has_other_sittings_and_lights():
    drawn = draw_people(NAMES, NAMES, (10, 10, 5), 0)
    parts = split_people(pool(), drawn, ["07"], ["04"])
    for name, manifest in zip(PARTS, (parts.teachers, parts.singles, parts.test), strict=True):
        assert manifest.subjects == drawn[name]
        assert set(manifest.table["session"]) == ({"02"} if name == "C" else {"01"})
        assert set(manifest.table["illumination"]) == ({"04"} if name == "C" else {"07"})
    assert set(parts.frontal_singles().yaw_degrees) == {0.0}
    assert is_frontal(parts.singles).mean() == pytest.approx(1 / 3)


def test_without_another_sitting_lights_alone_differ():
    parts = split_people(pool(sessions=("01",)), draw_people(NAMES, NAMES, (5, 5, 5), 0), ["07"], ["04"])
    assert set(parts.test.table["illumination"]) == {"04"}


def test_a_smaller_a_is_part_of_a_larger_one():
    parts = split_people(pool(), draw_people(NAMES, NAMES, (10, 5, 5), 0), ["07"], ["04"])
    few, more = parts.few_teachers(3).subjects, parts.few_teachers(7).subjects
    assert len(few) == 3
    assert set(few) < set(more) < set(parts.few_teachers(None).subjects)
    with pytest.raises(DataError, match="11 people of A are wanted, found 10"):
        parts.few_teachers(11)


def test_mistakes_are_one_line():
    drawn = draw_people(NAMES, NAMES, (5, 5, 5), 0)
    with pytest.raises(DataError, match="lights of training and test differ in this study, found 07"):
        split_people(pool(), drawn, ["07"], ["07"])
    with pytest.raises(DataError, match="no picture has these lights, found 11"):
        split_people(pool(), drawn, ["11"], ["04"])
    with pytest.raises(DataError, match=r"31 people of A and B are wanted, found 30 with a frontal .*; lower --people"):
        draw_people(NAMES, NAMES, (21, 10, 1), 0)
    with pytest.raises(DataError, match=r"11 people of C are wanted, found 10 who .*; lower --people"):
        draw_people(NAMES, NAMES, (10, 10, 11), 0)
    turned = pool()
    turned = turned.select((turned.yaw_degrees != 0) | (turned.table["subject"] != drawn["B"][0]))
    with pytest.raises(DataError, match="1 people of B have no frontal picture"):
        split_people(turned, drawn, ["07"], ["04"])


def test_rows_differ_in_more_than_their_name():
    rows = all_rows()
    assert len({row.key for row in rows}) == len(rows)
    assert len({(*row.recogniser, row.frontalised, row.fused) for row in rows}) == len(rows)
    by_key = {row.key: row for row in rows}
    assert all(row.recogniser == by_key[row.trained_as].recogniser for row in rows)
    assert len({row.trained_as for row in rows}) == len({row.recogniser for row in rows})
    assert [row.key for row in choose_rows(["ab", "b"])] == ["b", "ab"]
    with pytest.raises(ConfigError, match=r"no row 'ab_ipgam'; .*ab_ipgan"):
        choose_rows(["ab_ipgam"])
