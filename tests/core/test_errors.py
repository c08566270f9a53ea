from __future__ import annotations

import pytest

from pifr.core.errors import DataError, DependencyError, PifrError, near_names, require_extra


def test_the_line_says_where_what_found_and_cure() -> None:
    error = DataError("column is empty", where="a.csv, row 3", found="''", cure="fill it")
    assert str(error) == "a.csv, row 3: column is empty, found ''; fill it"
    assert str(PifrError("bad")) == "bad"
    assert isinstance(error, PifrError)


def test_an_error_is_always_one_line() -> None:
    assert str(DataError("broken", found="line one\n   line two")) == "broken, found line one line two"


def test_near_names_or_all_names() -> None:
    assert near_names("subjct", ["yaw", "subject"]) == "did you mean 'subject'?"
    assert near_names("zzz", ["b", "a"]) == "use one of: a, b"


def test_a_missing_extra_says_how_to_get_it() -> None:
    assert require_extra("json", "twin", "drawing").__name__ == "json"  # type: ignore[attr-defined]
    with pytest.raises(DependencyError, match=r"drawing needs the package 'no_such_package'.*pifr-toolkit\[twin\]"):
        require_extra("no_such_package", "twin", "drawing")
