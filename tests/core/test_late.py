from __future__ import annotations

import importlib
import sys

import pytest

from pifr.core.late import late_names

ROOMS = ["ipgan", *(f"pifr.{room}" for room in (
    "augment", "chain", "evaluation", "fidelity", "headmodel", "pose", "recognition", "report", "twin",
))]  # fmt: skip


def test_a_name_is_imported_from_its_home_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    find = late_names("room", {"d": "this"})
    assert "this" not in sys.modules
    assert find("d")["n"] == "a"
    with pytest.raises(AttributeError, match="module 'room' has no attribute 'other'"):
        find("other")


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_of_a_room_has_a_home(room: str) -> None:
    module = importlib.import_module(room)
    assert set(module.__all__) == set(module._HOMES)
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{room}' has no attribute"):
        module.no_such_name  # noqa: B018
