from __future__ import annotations

from pifr.data.names import normal_name


def test_names_are_compared_without_marks_of_their_set() -> None:
    assert normal_name("05_1") == normal_name("051") == normal_name(" 51")
    assert normal_name("A_b") == normal_name("ab")
    assert (normal_name("00"), normal_name(""), normal_name("10")) == ("0", "", "10")
