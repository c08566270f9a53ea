"""Whoever does the blocks, and however often it is killed: the same bytes."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
from pathlib import Path
from types import SimpleNamespace

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
                path.parent.mkdir(parents=True, exist_ok=True)  # the first of its folder, in some orders
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

    with pytest.raises(PifrError, match="no generator of this name"):
        work(tmp_path, engine=LocalWorkers(replace(names, model="nowhere"), 1))


class RayDouble:
    """The part of Ray's documented API that the engine uses, in this process: calls run when they are made."""

    class exceptions:  # noqa: N801
        RayTaskError = type("RayTaskError", (Exception,), {})
        RayActorError = type("RayActorError", (Exception,), {})

    def __init__(self) -> None:
        self.running, self.handed_out = False, []

    def init(self, **options: object) -> None:
        assert options["address"] == "local"
        self.running = True

    def shutdown(self) -> None:
        self.running = False

    def is_initialized(self) -> bool:
        return self.running

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    put = staticmethod(lambda value: value)
    get = staticmethod(lambda reference: reference[0])

    def wait(self, references: list, num_returns: int):
        return references[-1:], references[:-1]  # the last one asked answers first

    def remote(self, num_cpus: int, num_gpus: int):
        assert (num_cpus, num_gpus) == (1, 0)
        return lambda kind: SimpleNamespace(remote=lambda *arguments: self._actor(kind(*arguments)))

    def _actor(self, made: object) -> SimpleNamespace:
        def call(name: str):
            def remote(*arguments: object) -> tuple[object]:
                self.handed_out += arguments
                return Reference((getattr(made, name)(*arguments),))

            return SimpleNamespace(remote=remote)

        return SimpleNamespace(run=call("run"), flush=call("flush"))


class Reference(tuple):
    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__


def test_the_ray_engine_hands_every_block_to_an_actor_once(work, names, alone, tmp_path, monkeypatch) -> None:
    double = RayDouble()
    monkeypatch.setattr("pifr.augment.engines.ray.require_extra", lambda *arguments: double)
    work(tmp_path, engine=RayWorkers(names, 2))
    assert sorted(double.handed_out) == list(range(6))
    assert not double.running
    assert digests(tmp_path) == alone


@pytest.mark.parametrize(
    ("address", "cure"),
    [(None, "this machine: .*use --engine local"), ("ray://head:1", "ray://head:1: .*check --ray-address")],
)
def test_a_ray_that_does_not_start_is_one_line_with_a_cure_that_can_be_followed(names, monkeypatch, address, cure):
    class Busy(RayDouble):
        def init(self, **options: object) -> None:
            raise Exception("The current node timed out during startup.\nMore.")  # as Ray does

    monkeypatch.setattr("pifr.augment.engines.ray.require_extra", lambda *arguments: Busy())
    with pytest.raises(PifrError, match=cure) as failed:
        RayWorkers(names, 2, address).run(None, None, [0], None, None)  # type: ignore[arg-type]
    assert "\n" not in str(failed.value)


@pytest.mark.slow
def test_ray_makes_the_same_bytes(work, names, alone, tmp_path) -> None:
    pytest.importorskip("ray")
    try:
        work(tmp_path, engine=RayWorkers(names, 2))
    except PifrError as error:
        if error.what == "can't reach Ray":
            pytest.skip(str(error))  # its raylet gives up after 15 s where the machine is too busy to start its agent
        raise
    assert digests(tmp_path) == alone
