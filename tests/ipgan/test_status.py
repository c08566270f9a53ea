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
