from __future__ import annotations

import pytest

from pifr.core.errors import DataError
from pifr.data.spec import InputSpec


def test_the_template_is_asserted() -> None:
    spec = InputSpec(template="arcface-112")
    spec.require_template("arcface-112", "faces.csv")
    with pytest.raises(DataError, match=r"faces.csv: .*'unaligned'.*'arcface-112'.*pifr data align"):
        spec.require_template("unaligned", "faces.csv")


def test_the_cure_for_a_model_of_the_twin_names_no_template_that_align_lacks() -> None:
    with pytest.raises(DataError, match="trained on 'twin-64'; only pictures of pifr data twin are framed so"):
        InputSpec(size_px=64, template="twin-64").require_template("arcface-112", "faces.csv")


def test_a_spec_survives_its_dump() -> None:
    spec = InputSpec(size_px=112, channels="BGR", mean=127.5, std=128.0, template="crop:1,2,3")
    assert InputSpec.model_validate(spec.model_dump(mode="json")) == spec
