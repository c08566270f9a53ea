from __future__ import annotations

from collections import Counter

from pifr.twin.tables import cameras, lights, recordings, sessions_of


def test_fifteen_cameras_thirteen_of_them_at_the_height_of_the_head() -> None:
    level = [camera.yaw_degrees for camera in cameras().values() if camera.elevation_degrees == 0]
    assert level == list(range(-90, 91, 15))
    assert (cameras()["05_0"].yaw_degrees, cameras()["24_0"].yaw_degrees) == (15, 90)
    assert (cameras()["14_0"].yaw_degrees, cameras()["11_0"].yaw_degrees) == (-15, -90)
    assert {name for name, camera in cameras().items() if camera.elevation_degrees > 0} == {"08_1", "19_1"}


def test_twenty_lights_eighteen_of_them_flashes() -> None:
    assert list(lights()) == [f"{number:02d}" for number in range(20)]
    assert [name for name, light in lights().items() if not light.flash] == ["00", "19"]
    assert lights()["07"].yaw_degrees == 0
    places = {(light.yaw_degrees, light.elevation_degrees) for light in lights().values() if light.flash}
    assert len(places) == 18


def test_expressions_of_the_sessions() -> None:
    assert [recordings(session) for session in (1, 2, 3, 4)] == [
        ("neutral", "smile"),
        ("neutral", "surprise", "squint"),
        ("neutral", "smile", "disgust"),
        ("neutral", "neutral", "scream"),
    ]


def test_attendance_meets_every_published_total() -> None:
    came = [sessions_of(person) for person in range(1, 338)]
    assert [sum(session in sessions for sessions in came) for session in (1, 2, 3, 4)] == [249, 203, 230, 239]
    often = Counter(map(len, came))
    assert often[4] == 129
    assert often[2] + often[3] + often[4] == 264
    # The first 200 people are Setting 2's training people, the other 137 its test people.
    assert sum(map(len, came[:200])) == 621
    assert sum(map(len, came[200:])) == 300
    # Numbers were given as people first came.
    firsts = [sessions[0] for sessions in came]
    assert firsts == sorted(firsts)


def test_more_people_attend_as_the_table_does() -> None:
    assert sessions_of(338) == sessions_of(1)
    assert sessions_of(2000) == sessions_of(2000 - 5 * 337)
