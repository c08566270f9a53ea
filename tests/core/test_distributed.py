from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from torch import nn

from pifr.core import distributed

PROGRAM = """
import torch
from pifr.core import distributed as d

with d.process_group(torch.device("cpu")):
    rank = d.rank()
    mean = d.mean_over_ranks(torch.tensor(float(rank))).item()
    flags = d.broadcast_flag(rank == 1), d.broadcast_flag(False)
    torch.manual_seed(rank)
    wrapped = d.wrap(torch.nn.Linear(2, 1, bias=False), torch.device("cpu"))
    d.barrier()
    weight = wrapped.module.weight
    same = torch.equal(weight, d.mean_over_ranks(weight))
    torch.manual_seed(rank)
    mine = torch.nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    d.take_from_main(mine)
    taken = torch.equal(mine.weight, d.mean_over_ranks(mine.weight))
    print("RESULT", d.world_size(), rank, d.is_main(), mean, *flags, same, taken)
"""


def test_one_process_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with distributed.process_group(torch.device("cpu")):
        assert (distributed.rank(), distributed.world_size(), distributed.is_main()) == (0, 1, True)
        value = torch.tensor(3.0)
        assert distributed.mean_over_ranks(value) is value
        assert distributed.broadcast_flag(True) is True
        module = nn.Linear(1, 1)
        assert distributed.wrap(module, torch.device("cpu")) is module
        distributed.barrier()


def test_the_local_rank_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert distributed.local_rank() == 3


def test_processes_wait_for_one_that_decodes_millions_of_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """NCCL's own patience of ten minutes ends before the first process has filled the pixel cache of a big set."""
    joined: list[timedelta] = []
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda _, timeout: joined.append(timeout))
    monkeypatch.setattr(torch.distributed, "barrier", lambda: None)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    with distributed.process_group(torch.device("cpu")):
        assert joined[0] > timedelta(hours=3)


@pytest.mark.ddp
def test_two_processes(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
              "OMP_NUM_THREADS": "1"}  # fmt: skip
    processes = [
        subprocess.Popen(
            [sys.executable, str(program)], stdout=subprocess.PIPE, text=True,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=900)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    # Mean of ranks 0 and 1; a flag raised anywhere is raised everywhere; DDP gave both the weights of rank 0.
    assert outputs[0].splitlines()[-1] == "RESULT 2 0 True 0.5 True False True True"
    assert outputs[1].splitlines()[-1] == "RESULT 2 1 False 0.5 True False True True"
