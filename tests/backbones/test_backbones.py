"""Backbones: shapes, the papers' sizes, layout, and bad requests."""

from __future__ import annotations

import pytest
import torch

from pifr.backbones import create_backbone, list_backbones
from pifr.backbones.light_cnn import MaxFeatureMap
from pifr.core.errors import ConfigError


@pytest.mark.parametrize("name", ["ir18", "lightcnn9"])
@pytest.mark.parametrize("size_px", [64, 80, 112, 224])
def test_every_backbone_takes_every_size(name: str, size_px: int) -> None:
    backbone = create_backbone(name, size_px, embedding_dim=24, width=0.125).eval()
    assert backbone(torch.zeros(2, 3, size_px, size_px)).shape == (2, 24)


def test_the_list_names_what_can_be_built() -> None:
    assert {"ir18", "lightcnn9"} <= set(list_backbones())
    assert list_backbones() == sorted(list_backbones())


def test_lightcnn9_has_the_parameters_of_the_papers_table() -> None:
    # Table II of Wu et al. at 128 px, convolutions only (kernel x kernel x inputs x outputs, plus one bias a map),
    # with three colours in place of grey: conv1, 2a, 2b, 3a, 3b, 4a, 4b, 5a, 5b.
    rows = [(5, 3, 96), (1, 48, 96), (3, 48, 192), (1, 96, 192), (3, 96, 384), (1, 192, 384), (3, 192, 256),
            (1, 128, 256), (3, 128, 256)]  # fmt: skip
    expected = sum(kernel * kernel * inputs * outputs + outputs for kernel, inputs, outputs in rows)
    backbone = create_backbone("lightcnn9", 128, embedding_dim=256)
    convolutions = [module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)]
    assert sum(p.numel() for module in convolutions for p in module.parameters()) == expected
    # fc1: 8 x 8 x 128 -> 2 x 256, then the larger of each pair.
    assert backbone.get_submodule("embedding").weight.shape == (512, 8 * 8 * 128)


def test_ir18_has_the_weights_of_arcfaces_network() -> None:
    # insightface's iresnet18 at 112 px holds 24,025,600 parameters; of these the affine part of the last batch norm
    # (512 fixed weights and 512 biases) is left out here.
    backbone = create_backbone("ir18", 112, embedding_dim=512)
    assert sum(p.numel() for p in backbone.parameters()) == 24_025_600 - 1024


def test_max_feature_map_takes_the_larger_half() -> None:
    features = torch.tensor([[1.0, -2.0, 0.5, 3.0]])  # channel 0 competes with 2, channel 1 with 3
    assert MaxFeatureMap()(features).tolist() == [[1.0, 3.0]]


def test_convolutions_lie_channels_last() -> None:
    weights = [p for p in create_backbone("ir18", 64, 16, width=0.125).parameters() if p.ndim == 4 and p.shape[-1] == 3]
    assert weights
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


def test_width_scales_the_channels() -> None:
    wide, narrow = (create_backbone("ir18", 64, 16, width=width) for width in (0.5, 0.25))
    assert sum(p.numel() for p in narrow.parameters()) < 0.35 * sum(p.numel() for p in wide.parameters())


def test_an_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(ConfigError, match=r"unknown backbone 'lightcnn'; did you mean 'lightcnn9'\?"):
        create_backbone("lightcnn")


@pytest.mark.parametrize("size_px", [48, 100, 240])
def test_a_size_that_does_not_fit_is_refused(size_px: int) -> None:
    with pytest.raises(ConfigError, match=f"64 to 224 px, a multiple of 16, found {size_px}"):
        create_backbone("ir18", size_px)


@pytest.mark.parametrize("bad", [{"embedding_dim": 1}, {"width": 0.0}, {"dropout": 1.0}])
def test_numbers_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="embedding_dim >= 2"):
        create_backbone("ir18", 64, **bad)  # type: ignore[arg-type]
