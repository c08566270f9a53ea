from __future__ import annotations

import os
import pickle
import resource
from pathlib import Path

import pytest
import torch
from torch import nn

from pifr.core import checkpoint as checkpoint_module
from pifr.core.checkpoint import (
    latest_checkpoint,
    list_checkpoints,
    load_modules,
    read_weights,
    save_checkpoint,
    write_weights,
)
from pifr.core.errors import CheckpointError, PifrError
from pifr.core.files import sha256_of_file


def model(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def save(folder: Path, step: int, **changes: object) -> checkpoint_module.Checkpoint:
    state = {"step": step, "rate": 0.5, "momentum": [torch.arange(3.0)]}
    return save_checkpoint(folder, step, {"net": model()}, state, {"kind": "test"}, **changes)  # type: ignore[arg-type]


def test_everything_comes_back(tmp_path: Path) -> None:
    saved = save(tmp_path, 7)
    assert saved.path.name == "step-00000007"
    assert saved.meta() == {"kind": "test", "step": 7}
    assert torch.equal(saved.training_state()["momentum"][0], torch.arange(3.0))
    other = model(seed=1)
    load_modules(saved.weights(), {"net": other}, saved.path)
    for name, tensor in model().state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor)


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    for step in (1, 2, 30):
        save(tmp_path, step, keep_last=2)
    assert [found.step for found in list_checkpoints(tmp_path)] == [2, 30]
    assert latest_checkpoint(tmp_path).step == 30


def test_an_unfinished_write_never_counts_and_only_the_next_write_clears_it_away(tmp_path: Path) -> None:
    save(tmp_path, 1)
    half = tmp_path / "step-00000002.tmp-1a2b3c4d"
    half.mkdir()
    (half / "weights.safetensors").write_bytes(b"half")
    (tmp_path / "notes.tmp-mine").mkdir()
    # A reader can't tell a killed write from one that is going on.
    assert latest_checkpoint(tmp_path).step == 1
    assert [found.step for found in list_checkpoints(tmp_path)] == [1]
    assert (half / "weights.safetensors").read_bytes() == b"half"
    save(tmp_path, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.tmp-mine", "step-00000001", "step-00000003"]


def test_a_failing_write_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)
    monkeypatch.setattr(checkpoint_module, "write_json", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_a_step_may_be_written_again(tmp_path: Path) -> None:
    save(tmp_path, 1)
    assert save(tmp_path, 1).meta()["step"] == 1
    assert len(list_checkpoints(tmp_path)) == 1


def test_no_checkpoint(tmp_path: Path) -> None:
    assert list_checkpoints(tmp_path / "none") == []
    with pytest.raises(CheckpointError, match="no checkpoint in this folder; train it"):
        latest_checkpoint(tmp_path)


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    saved = save(tmp_path, 1)
    saved.weights_path.write_bytes(saved.weights_path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="damaged weights file"):
        saved.weights()
    (saved.path / "training_state.pt").write_bytes(b"no archive")
    with pytest.raises(CheckpointError, match="damaged training state"):
        saved.training_state()
    (saved.path / "training_state.pt").unlink()
    with pytest.raises(CheckpointError, match="training state is missing"):
        saved.training_state()


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('code from a checkpoint was run')",))


def test_a_checkpoint_can_not_run_code(tmp_path: Path) -> None:
    saved = save(tmp_path, 1)
    with open(saved.path / "training_state.pt", "wb") as stream:
        pickle.dump(Harmful(), stream)
    with pytest.raises(CheckpointError, match="damaged training state"):
        saved.training_state()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    saved = save(tmp_path, 1)
    with pytest.raises(CheckpointError, match=r"the weights of 'net' don't fit this model.*use the configuration"):
        load_modules(saved.weights(), {"net": nn.Linear(3, 4)}, saved.path)
    with pytest.raises(CheckpointError, match="don't fit"):
        load_modules(saved.weights(), {"other": model()}, saved.path)


def test_shared_and_strided_tensors_are_stored(tmp_path: Path) -> None:
    base = torch.arange(6.0).reshape(2, 3)
    write_weights(tmp_path / "w.safetensors", {"a": base, "b": base, "c": base.T})
    read = read_weights(tmp_path / "w.safetensors")
    assert torch.equal(read["b"], base)
    assert torch.equal(read["c"], base.T)


def test_the_digest_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, {"a": torch.ones(1)}, metadata={"from": "test"})
    assert torch.equal(read_weights(path, sha256_of_file(path))["a"], torch.ones(1))
    with pytest.raises(CheckpointError, match="not the ones expected"):
        read_weights(path, "0" * 64)
    with pytest.raises(CheckpointError, match="weights file not found"):
        read_weights(tmp_path / "none.safetensors")


def test_every_file_and_the_name_of_a_checkpoint_are_flushed_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: set[int] = set()
    fsync = os.fsync

    def record(descriptor: int) -> None:
        flushed.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    path = save(tmp_path / "checkpoints", 1).path
    assert {child.name for child in path.iterdir() if child.stat().st_ino in flushed} == {
        "weights.safetensors", "training_state.pt", "meta.json",
    }  # fmt: skip
    assert {path.stat().st_ino, path.parent.stat().st_ino} <= flushed


@pytest.mark.parametrize("large", ["weights", "state"])
def test_a_disk_that_takes_no_more_is_one_line_and_the_older_checkpoint_stays(tmp_path: Path, large: str) -> None:
    save_checkpoint(tmp_path, 1, {"net": nn.Linear(2, 2)}, {}, {})
    net = nn.Linear(200, 200) if large == "weights" else nn.Linear(2, 2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    try:
        with pytest.raises(PifrError, match="this disk takes no file as large") as failed:
            save_checkpoint(tmp_path, 2, {"net": net}, {"moments": torch.zeros(200, 200)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    name = "step-00000002/weights.safetensors" if large == "weights" else "step-00000002"
    assert str(failed.value).startswith(f"{tmp_path / name}: this disk takes no file as large;")
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
