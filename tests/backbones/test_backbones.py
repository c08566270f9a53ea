"""Backbones: shapes, the papers' sizes, layout, and bad requests."""

from __future__ import annotations

import pytest
import torch

from pifr.backbones import DreamConfig, backbone_cost, create_backbone, list_backbones
from pifr.backbones.cost import without_memory
from pifr.backbones.light_cnn import MaxFeatureMap, MaxPlusMeanPool
from pifr.core.errors import ConfigError


@pytest.mark.parametrize("name", list_backbones())
@pytest.mark.parametrize("size_px", [64, 80, 224])
def test_every_backbone_takes_every_size(name: str, size_px: int) -> None:
    with without_memory():  # shapes only: nothing is computed
        backbone = create_backbone(name, size_px, embedding_dim=24, width=0.125).eval()
        assert backbone(torch.zeros(2, 3, size_px, size_px)).shape == (2, 24)


@pytest.mark.parametrize("name", list_backbones())
def test_every_backbone_learns_and_repeats_itself(name: str) -> None:
    def trained() -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(0)
        backbone = create_backbone(name, 64, embedding_dim=8, width=0.125)
        images = torch.randn(3, 3, 64, 64).contiguous(memory_format=torch.channels_last)
        backbone(images).square().sum().backward()
        gradients = [parameter.grad for parameter in backbone.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        return backbone.eval()(images), gradients[0]

    for first, second in zip(trained(), trained(), strict=True):
        assert first.isfinite().all()
        assert torch.equal(first, second)


def test_the_list_names_what_can_be_built() -> None:
    assert set(list_backbones()) == {
        "ir100", "ir18", "ir34", "ir50", "lightcnn29", "lightcnn29v2", "lightcnn9", "mobilefacenet", "vgg16", "vgg16bn",
    }  # fmt: skip
    assert list_backbones() == sorted(list_backbones())


def parameters_of(name: str, size_px: int, embedding_dim: int, kinds: tuple[type, ...] = (torch.nn.Module,)) -> int:
    with without_memory():
        modules = create_backbone(name, size_px, embedding_dim).modules()
    return sum(p.numel() for m in modules if isinstance(m, kinds) for p in m.parameters(recurse=False))


def test_lightcnn9_has_the_parameters_of_the_papers_table() -> None:
    # Table II of Wu et al. at 128 px, convolutions only (kernel x kernel x inputs x outputs, plus one bias a map),
    # with three colours in place of grey: conv1, 2a, 2b, 3a, 3b, 4a, 4b, 5a, 5b.
    rows = [(5, 3, 96), (1, 48, 96), (3, 48, 192), (1, 96, 192), (3, 96, 384), (1, 192, 384), (3, 192, 256),
            (1, 128, 256), (3, 128, 256)]  # fmt: skip
    expected = sum(kernel * kernel * inputs * outputs + outputs for kernel, inputs, outputs in rows)
    assert parameters_of("lightcnn9", 128, 256, (torch.nn.Conv2d,)) == expected
    # fc1: 8 x 8 x 128 -> 2 x 256, then the larger of each pair.
    assert parameters_of("lightcnn9", 128, 256, (torch.nn.Linear,)) == (8 * 8 * 128 + 1) * 512


@pytest.mark.parametrize(("name", "embedding_outputs"), [("lightcnn29", 512), ("lightcnn29v2", 256)])
def test_lightcnn29_has_the_parameters_of_the_papers_table(name: str, embedding_outputs: int) -> None:
    # Table III of Wu et al. and the authors' light_cnn.py (network_29layers, network_29layers_v2): the rows of the
    # nine layers and 1, 2, 3, 4 residual blocks of two 3 x 3 convolutions on 48, 96, 192, 128 channels.
    blocks = sum(count * 2 * (9 * c * 2 * c + 2 * c) for c, count in ((48, 1), (96, 2), (192, 3), (128, 4)))
    nine = parameters_of("lightcnn9", 128, 256, (torch.nn.Conv2d,))
    assert parameters_of(name, 128, 256, (torch.nn.Conv2d,)) == nine + blocks
    assert parameters_of(name, 128, 256, (torch.nn.Linear,)) == (8 * 8 * 128 + 1) * embedding_outputs


def test_ir18_has_the_weights_of_arcfaces_network() -> None:
    # insightface's iresnet18 at 112 px holds 24,025,600 parameters; of these the affine part of the last batch norm
    # (512 fixed weights and 512 biases) is left out here.
    backbone = create_backbone("ir18", 112, embedding_dim=512)
    assert sum(p.numel() for p in backbone.parameters()) == 24_025_600 - 1024


@pytest.mark.parametrize("units", [(3, 4, 6, 3), (3, 4, 14, 3), (3, 13, 30, 3)])
def test_the_deeper_iresnets_have_the_weights_of_insightfaces(units: tuple[int, ...]) -> None:
    # Layer by layer after insightface's iresnet.py: stem; units of BN-3x3-BN-PReLU-3x3-BN; strided shortcuts; BN, FC.
    name = {6: "ir34", 14: "ir50", 30: "ir100"}[units[2]]
    expected = 27 * 64 + 3 * 64
    inputs = 64
    for count, outputs in zip(units, (64, 128, 256, 512), strict=True):
        expected += inputs * outputs + 2 * outputs
        for _ in range(count):
            expected += 9 * inputs * outputs + 9 * outputs * outputs + 2 * inputs + 2 * outputs + outputs + 2 * outputs
            inputs = outputs
    expected += 2 * 512 + (512 * 7 * 7 + 1) * 512
    found = parameters_of(name, 112, 512)
    assert found == expected
    # OpenVINO's model pages (2021.4) of the MXNet originals: 34.129 and 65.132 million; arcface_torch's R50 is known
    # as 43.59 million. MXNet's batch norms hold some scales fixed, hence the last thousandth.
    published = {"ir34": 34.129e6, "ir50": 43.59e6, "ir100": 65.132e6}[name]
    assert found == pytest.approx(published, rel=1e-3)


def test_iresnet_takes_the_operations_that_openvino_states() -> None:
    # 8.934 and 24.2115 GFLOP at 112 px, element-wise layers included.
    for name, published in (("ir34", 8.934e9), ("ir100", 24.2115e9)):
        assert backbone_cost(name, 112, 512).flops == pytest.approx(published, rel=3e-3)


def test_mobilefacenet_is_as_small_as_its_paper_says() -> None:
    # Chen et al., section 4: 0.99 million parameters and 221 million multiply-adds at 112 px with 128 numbers.
    assert parameters_of("mobilefacenet", 112, 128, (torch.nn.Conv2d, torch.nn.Linear)) / 1e6 == pytest.approx(
        0.99, abs=0.03
    )
    assert backbone_cost("mobilefacenet", 112, 128).flops / 2e6 == pytest.approx(221, abs=1)


@pytest.mark.parametrize(("name", "published"), [("vgg16", 138_357_544), ("vgg16bn", 138_365_992)])
def test_vgg16_has_the_weights_of_torchvisions(name: str, published: int) -> None:
    # torchvision's documentation of vgg16 and vgg16_bn, 1000 classes at 224 px.
    assert parameters_of(name, 224, 1000) == published


@pytest.mark.parametrize("name", list_backbones())
def test_no_layer_is_narrower_than_sixteen_channels(name: str) -> None:
    with without_memory():
        modules = list(create_backbone(name, 64, 16, width=0.01).modules())
    assert min(m.out_channels for m in modules if isinstance(m, torch.nn.Conv2d)) >= 16


def test_the_second_light_cnn_pools_maximum_plus_mean() -> None:
    cells = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert MaxPlusMeanPool()(cells).item() == 6 + 3


def test_counting_needs_no_memory_and_tells_the_dream_block() -> None:
    plain, with_block = (backbone_cost("ir18", 64, 32, 0.25, dream) for dream in (None, DreamConfig()))
    assert with_block.parameters - plain.parameters == 2 * (32 * 32 + 32) + 2
    assert with_block.flops - plain.flops == 2 * 2 * 32 * 32


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
    with pytest.raises(ConfigError, match=r"unknown backbone 'lightcnn'; did you mean 'lightcnn9' or 'lightcnn29'"):
        create_backbone("lightcnn")


@pytest.mark.parametrize("size_px", [48, 100, 240])
def test_a_size_that_does_not_fit_is_refused(size_px: int) -> None:
    with pytest.raises(ConfigError, match=f"64 to 224 px, a multiple of 16, found {size_px}"):
        create_backbone("ir18", size_px)


@pytest.mark.parametrize("bad", [{"embedding_dim": 1}, {"width": 0.0}, {"dropout": 1.0}])
def test_numbers_out_of_range_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="embedding_dim >= 2"):
        create_backbone("ir18", 64, **bad)  # type: ignore[arg-type]
