from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from pifr.core.device import autocast, choose_device, gpu_has_bfloat16, gpu_number
from pifr.core.errors import DependencyError


def test_a_gpu_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device().type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device().type == "cuda"


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DependencyError, match="the device 'cuda' is not there, found 0 GPUs; use --device cpu"):
        choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("cuda:0").index == 0
    with pytest.raises(DependencyError, match="'cuda:1' is not there, found 1 GPUs"):
        choose_device("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "mps", "meta", "xpu", "cpu:0", "cuda:", "cuda:x", "cuda:-1", "hip:0", ""])
def test_other_devices_are_refused(name: str) -> None:
    with pytest.raises(DependencyError, match=f"no such device, found '{name}'; use auto, cpu, cuda or cuda:N"):
        choose_device(name)


def test_the_number_of_a_gpu() -> None:
    assert [gpu_number(name) for name in ("cuda", "cuda:0", "cuda:3")] == [0, 0, 3]
    for name in ("cpu", "cuda:x"):
        with pytest.raises(DependencyError, match="no such device"):
            gpu_number(name)


@pytest.mark.parametrize(
    ("precision", "expected"), [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_the_number_format_on_the_cpu(precision: str, expected: torch.dtype) -> None:
    with autocast(torch.device("cpu"), precision):  # type: ignore[arg-type]
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


def test_a_gpu_that_only_emulates_bfloat16_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    # Emulation takes any such tensor, on a T4 (7.5) too.
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    for major, there in ((7, False), (8, True), (9, True)):
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, m=major: SimpleNamespace(major=m))
        assert gpu_has_bfloat16() == there
        assert autocast(torch.device("cuda"), "auto")._enabled == there
