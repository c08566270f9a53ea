import os
import socket
import subprocess
import sys

import pytest
import torch

from ipgan.precision import compute_dtype
from ipgan.status import Meter


def test_rare_terms_are_averaged_over_the_steps_they_came_in():
    meter = Meter(torch.device("cpu"), images=0)
    meter.add({"paired": torch.tensor(1.0), "r1": torch.tensor(4.0)}, gradient_norm=2.0)
    meter.add({"paired": torch.tensor(3.0)}, gradient_norm=4.0)
    record = meter.tick(images=64)
    assert (record["paired"], record["r1"], record["gradient_norm"]) == (2.0, 4.0, 3.0)
    assert record["images"] == 64
    assert record["images_per_second"] > 0
    line = Meter.line(2, 10, record)
    assert line.startswith("step 2/10  images 0.1k  sec/tick")
    assert "paired 2.000" in line


def test_each_tick_starts_anew():
    meter = Meter(torch.device("cpu"), images=0)
    meter.add({"kl": torch.tensor(8.0)}, 1.0)
    meter.tick(1)
    meter.add({"kl": torch.tensor(2.0)}, 1.0)
    assert meter.tick(2)["kl"] == 2.0


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_precision_is_what_was_asked_for(precision, dtype):
    assert compute_dtype(torch.device("cpu"), precision) == dtype


def test_auto_asks_the_processor(monkeypatch):
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: {"avx512_bf16": True})
    assert compute_dtype(torch.device("cpu"), "auto") == torch.bfloat16
    monkeypatch.setattr("torch.cpu.get_capabilities", dict)
    assert compute_dtype(torch.device("cpu"), "auto") == torch.float32


def test_auto_takes_no_bfloat16_that_a_gpu_only_emulates(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert compute_dtype(torch.device("cuda"), "auto") == torch.float32
    assert compute_dtype(torch.device("cuda"), "bfloat16") == torch.bfloat16


TWO_RANKS = """
import torch
from ipgan.status import Meter
from pifr.core import distributed as d

with d.process_group(torch.device("cpu")):
    meter = Meter(torch.device("cpu"), images=0)
    for step in range(2):
        terms = {"paired": torch.tensor(1.0 + d.rank())}
        if d.rank() == 1 and step == 0:  # the other's share of the batch has no pair
            terms["identity_feature"] = torch.tensor(5.0)
        meter.add(terms, 1.0)
    record = meter.tick(8)
    print("RESULT", record["paired"], record["identity_feature"], record["gradient_norm"])
"""


@pytest.mark.ddp
def test_a_term_that_one_process_alone_has_is_averaged_over_where_it_came(tmp_path):
    (tmp_path / "program.py").write_text(TWO_RANKS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, str(tmp_path / "program.py")], stdout=subprocess.PIPE, text=True,
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        outputs = [process.communicate(timeout=180)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [output.splitlines()[-1] for output in outputs] == ["RESULT 1.5 5.0 1.0"] * 2
