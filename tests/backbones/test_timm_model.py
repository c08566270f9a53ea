"""timm's networks as backbones: any size, nothing downloaded, clear refusals."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest
import torch

from pifr.backbones import create_backbone
from pifr.backbones.cost import without_memory
from pifr.core.errors import ConfigError, DependencyError


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any try to open a connection fails the test."""

    def refuse(*arguments: object) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)


@pytest.mark.parametrize(("name", "size_px"), [("resnet18", 64), ("vit_tiny_patch16_224", 112)])
def test_a_network_of_timm_embeds_pictures_of_the_size_asked_for(name: str, size_px: int, offline: None) -> None:
    pytest.importorskip("timm")
    backbone = create_backbone(f"timm:{name}", size_px, 12)
    images = torch.randn(2, 3, size_px, size_px)
    embeddings = backbone(images)
    embeddings.square().sum().backward()
    assert embeddings.shape == (2, 12)
    assert backbone.get_submodule("embedding").weight.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "width", "message"),
    [
        ("timm:resnet1", 1.0, r"timm has no network 'resnet1'; did you mean"),
        ("timm:resnet18", 0.25, "width of its own, found 0.25; set it to 1"),
        ("timm:twins_pcpvt_small", 1.0, "can't be built for 112 px"),
    ],
)
def test_what_can_not_be_built_is_one_line(name: str, width: float, message: str) -> None:
    pytest.importorskip("timm")
    with pytest.raises(ConfigError, match=message) as failure, without_memory():
        create_backbone(name, 112, 12, width)
    assert "\n" not in str(failure.value)


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "timm":
            raise ImportError("no timm")
        return real(name, *arguments, **options)

    monkeypatch.delitem(sys.modules, "timm", raising=False)
    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(DependencyError, match=r"pifr-toolkit\[timm\]"):
        create_backbone("timm:resnet18", 64, 12)
