"""Whoever does the blocks, and however often it is killed: the same bytes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from pifr.augment import AugmentConfig, ToolNames, augment, merge
from pifr.augment import output as output_module
from pifr.augment.engines.local import LocalWorkers
from pifr.augment.engines.ray import RayWorkers
from pifr.core.errors import PifrError
from pifr.core.files import TEMPORARY_MARK
from pifr.data.manifest import Manifest
from pifr.data.spec import InputSpec

JUDGE = """
import numpy as np
from pifr.data.spec import InputSpec

class Grid:
    spec, sha256 = InputSpec(size_px=64), "5" * 64

    def __call__(self, pixels):
        grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)
"""


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def names(model: str, tmp_path_factory: pytest.TempPathFactory):
    """A generator and a judge that other processes can open: it lies in the working folder, which they inherit."""
    folder = tmp_path_factory.mktemp("judge")
    (folder / "grid_judge.py").write_text(JUDGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield ToolNames("ipgan", model, "python:grid_judge:Grid", InputSpec(size_px=64), "cpu")


@pytest.fixture(scope="module")
def config() -> AugmentConfig:
    checks = {"fmr": None, "min_sharpness": None, "min_difference": None, "retries": 1,
              "max_yaw_error_degrees": 30}  # fmt: skip
    return AugmentConfig(yaws_degrees=(-45, -15, 15, 45), batch_size=8, acceptance=checks)


@pytest.fixture(scope="module")
def work(names, config, faces: Manifest):
    """A function that augments the people by an engine, or a shard of them."""
    tools = names.load(config.acceptance)

    def run(out: Path, **how):
        return augment(faces, tools.method, out, config, judge=tools.judge, **how)

    return run


@pytest.fixture(scope="module")
def alone(work, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of what a single process makes."""
    folder = tmp_path_factory.mktemp("alone")
    result = work(folder)
    assert 0 < result.accepted < result.generated  # both outcomes occur, or the comparison shows little
    return digests(folder)


def test_shards_in_any_order_join_to_the_same_bytes(work, alone, tmp_path) -> None:
    assert work(tmp_path, shard=(3, 3)).blocks_missing == 4
    assert "augment-merge" in work(tmp_path, shard=(1, 3)).table()
    assert not (tmp_path / "manifest.csv").exists()
    assert work(tmp_path, shard=(2, 3)).blocks_missing == 0
    assert digests(tmp_path) == alone


def test_shards_made_in_folders_apart_are_joined_by_merge(work, alone, tmp_path) -> None:
    import shutil

    for part in (1, 2):
        work(tmp_path / str(part), shard=(part, 2))
    shutil.copytree(tmp_path / "2", tmp_path / "1", dirs_exist_ok=True)
    assert merge(tmp_path / "1").blocks_missing == 0
    assert digests(tmp_path / "1") == alone


def test_worker_processes_make_the_same_bytes(work, names, alone, tmp_path) -> None:
    result = work(tmp_path, engine=LocalWorkers(names, 2))
    assert digests(tmp_path) == alone
    assert result.seconds["generator"] > 0


def test_a_run_killed_in_mid_write_goes_on_to_the_same_bytes(work, alone, tmp_path) -> None:
    def until_killed() -> None:
        whole, count = output_module.write_bytes, [0]

        def write(path: Path, data: bytes) -> None:
            count[0] += 1
            if count[0] == 15:
                path.with_name(f"half{TEMPORARY_MARK}1.png").write_bytes(data[:9])
                os.kill(os.getpid(), signal.SIGKILL)
            whole(path, data)

        output_module.write_bytes = write
        work(tmp_path)

    child = multiprocessing.get_context("fork").Process(target=until_killed)
    child.start()
    child.join(timeout=120)
    assert child.exitcode == -signal.SIGKILL
    assert not (tmp_path / "manifest.csv").exists()
    assert list(tmp_path.rglob(f"*{TEMPORARY_MARK}*"))
    work(tmp_path)
    assert digests(tmp_path) == alone


def test_a_worker_that_fails_is_one_line(work, names, tmp_path) -> None:
    from dataclasses import replace

    with pytest.raises(PifrError, match="no checkpoint in this folder"):
        work(tmp_path, engine=LocalWorkers(replace(names, model="nowhere"), 1))


@pytest.mark.slow
def test_ray_makes_the_same_bytes(work, names, alone, tmp_path) -> None:
    pytest.importorskip("ray")
    work(tmp_path, engine=RayWorkers(names, 2))
    assert digests(tmp_path) == alone
