from __future__ import annotations

import pytest
import torch

from pifr.core.device import autocast, choose_device
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


def test_nonsense_is_no_device() -> None:
    with pytest.raises(DependencyError, match="no such device, found 'gpu'; use auto, cpu"):
        choose_device("gpu")


@pytest.mark.parametrize(
    ("precision", "expected"), [("auto", torch.float32), ("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
def test_the_number_format_on_the_cpu(precision: str, expected: torch.dtype) -> None:
    with autocast(torch.device("cpu"), precision):  # type: ignore[arg-type]
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected
