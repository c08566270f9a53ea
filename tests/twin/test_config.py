from __future__ import annotations

import pytest

from pifr.core.config import check_config, load_config
from pifr.core.errors import ConfigError
from pifr.twin.config import TwinConfig, parse_people


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [(3, (1, 2, 3)), ("3", (1, 2, 3)), ("2-4", (2, 3, 4)), ("9, 1,3-4,4", (1, 3, 4, 9)), ("2000-2000", (2000,))],
)
def test_people_are_a_count_or_a_choice(choice: int | str, numbers: tuple[int, ...]) -> None:
    assert parse_people(choice) == numbers


@pytest.mark.parametrize("choice", [0, 2001, -1, "0", "5-3", "1-2001", "one", "", "1,,2", "0-4"])
def test_other_people_are_refused(choice: int | str) -> None:
    with pytest.raises(ValueError, match="people"):
        parse_people(choice)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("cameras", ["05_2"], "unknown camera '05_2'; did you mean '05_1'"),
        ("cameras", [], "at least one camera"),
        ("lights", ["20"], "unknown light '20'"),
        ("lights", ["07", "07"], "a light is named twice"),
        ("sessions", [5], "unknown session '5'"),
        ("recordings", [4], "unknown recording '4'"),
        ("size_px", 31, "greater than or equal to 32"),
        ("size_px", 513, "less than or equal to 512"),
        ("people", "0", "people must be 1 to 2000"),
        ("extra", ["depth", "depth"], "an extra is named twice"),
        ("free", {"people": 0}, "greater than or equal to 1"),
        ("free", {"expressions": ["grin"]}, "unknown expression 'grin'"),
        ("colour", "red", "unknown key 'colour'"),
    ],
)
def test_one_line_for_bad_values(key: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(TwinConfig, {key: value}, "twin.yaml")
    assert said in str(caught.value)
    assert "twin.yaml" in str(caught.value)


def test_yaml_numbers_become_light_names() -> None:
    config = load_config(TwinConfig, overrides=["lights=[00, 07, 19]", "people=5"])
    assert config.lights == ("00", "07", "19")
    assert config.person_numbers == (1, 2, 3, 4, 5)


def test_template_names_the_framing_and_the_size() -> None:
    assert TwinConfig(size_px=64).template == "twin-64"
