"""Yaw read from another network's input: the same that the estimator tells of the pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from pifr.backbones import DreamConfig, create_backbone
from pifr.data.manifest import Manifest
from pifr.data.pictures import resize_picture
from pifr.data.pixels import open_pixels
from pifr.data.spec import InputSpec
from pifr.data.tensors import to_input
from pifr.pose import PoseEstimator, YawReader, attach_yaw_reader
from pifr.pose.reader import lanczos_weights


@pytest.fixture(scope="module")
def estimator() -> PoseEstimator:
    return PoseEstimator.load(device="cpu")


@pytest.mark.parametrize(
    ("spec", "tolerance_degrees"),
    [
        (InputSpec(size_px=64), 1e-3),
        (InputSpec(size_px=64, channels="BGR", mean=0, std=255), 1e-3),
        (InputSpec(size_px=112), 1.0),  # the estimator rounds resized pixels
        (InputSpec(size_px=96, channels="BGR", mean=127.5, std=128), 1.0),
    ],
)
def test_the_reader_says_what_the_estimator_says(
    rendered: Manifest, estimator: PoseEstimator, spec: InputSpec, tolerance_degrees: float
) -> None:
    pixels = np.stack([resize_picture(one, spec.size_px) for one in open_pixels(rendered, 64).images[:14]])
    found = YawReader(estimator, spec)(to_input(pixels, spec))
    np.testing.assert_allclose(found.numpy(), estimator(pixels).yaw_degrees, atol=tolerance_degrees)
    assert found.abs().max() > 30  # there are turned faces among them


def test_lanczos_weights_resize_as_pillow_does() -> None:
    picture = np.random.default_rng(0).random((48, 48), dtype=np.float32)
    weights = lanczos_weights(48, 20).numpy()
    expected = np.asarray(Image.fromarray(picture).resize((20, 20), Image.Resampling.LANCZOS))
    np.testing.assert_allclose(weights @ picture @ weights.T, expected, atol=1e-5)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)


def test_a_reader_stays_as_it_is_in_training(estimator: PoseEstimator) -> None:
    spec = InputSpec(size_px=64)
    network = create_backbone("ir18", 64, 8, 0.125, dream=DreamConfig())
    assert attach_yaw_reader(network, spec, estimator) == estimator.sha256
    images = torch.randn(4, 3, 64, 64)
    before = network.eval().yaw_of(images)
    network.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        network(images).sum().backward()
        assert torch.equal(network.yaw_of(images), before)
    assert all(parameter.grad is None for parameter in estimator.network.parameters())


def test_other_backbones_are_left_alone() -> None:
    assert attach_yaw_reader(create_backbone("ir18", 64, 8, 0.125), InputSpec(size_px=64)) == ""
