"""Which checkpoint a name means."""

import pytest

from pifr.backbones import find_checkpoint
from pifr.core.files import write_json


@pytest.mark.parametrize("name", ["step-00000007", "my-model", "model-2"])
@pytest.mark.parametrize(("meta", "step"), [({"step": 7}, 7), ({}, 0)])
def test_a_checkpoint_folder_may_have_any_name(tmp_path, name, meta, step):
    (tmp_path / name).mkdir()
    write_json(tmp_path / name / "meta.json", {"kind": "recognizer", **meta})
    found = find_checkpoint(str(tmp_path / name))
    assert (found.path, found.step) == (tmp_path / name, step)
