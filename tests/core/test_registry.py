from __future__ import annotations

import pytest

from pifr.core.errors import ConfigError
from pifr.core.registry import Registry


def test_entries_by_name() -> None:
    shapes: Registry[type] = Registry("shape")

    @shapes.register("square")
    class Square: ...

    shapes.register("circle")(int)
    assert shapes["square"] is Square
    assert list(shapes) == ["circle", "square"]
    assert len(shapes) == 2
    assert "square" in shapes
    with pytest.raises(ConfigError, match=r"unknown shape 'sqare'; did you mean 'square'"):
        shapes["sqare"]
    with pytest.raises(ValueError, match="registered twice"):
        shapes.register("square")
