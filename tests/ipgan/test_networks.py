import pytest
import torch

from ipgan.blocks import GAIN, EqualConv, EqualLinear, MinibatchStd, UpBlock, activate, channels_at, double
from ipgan.config import ModelConfig
from ipgan.freezing import frozen
from ipgan.networks import Networks, total_norm

CPU = torch.device("cpu")
MODEL = ModelConfig(
    generator_channel_base=256, encoder_channel_base=128, discriminator_channel_base=128, pose_channel_base=128,
    channel_max=16, identity_dim=12, pose_dim=4, style_dim=16,
)  # fmt: skip


def networks(size_px=32, seed=0):
    return Networks(MODEL, size_px, people=3, seed=seed, device=CPU)


@pytest.mark.parametrize("size_px", [16, 32, 64])
def test_shapes_at_every_size(size_px):
    nets = networks(size_px)
    images = torch.randn(2, 3, size_px, size_px)
    identity, pose = nets.rotation.identity_encoder(images), nets.rotation.pose_encoder(images)
    assert identity.code.shape == (2, 12)
    assert torch.allclose(identity.code.norm(dim=1), torch.ones(2), atol=1e-5)
    assert pose.mean.shape == pose.log_variance.shape == (2, 4)
    made = nets.rotation.generator(identity.code, pose.mean)
    assert made.shape == images.shape
    assert nets.adversary.discriminator(made, identity.code).shape == (2,)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_networks_compute_in_the_format_of_their_input_and_answer_in_float32(dtype):
    nets = networks()
    images = torch.randn(2, 3, 32, 32).to(dtype)
    identity, pose = nets.rotation.identity_encoder(images), nets.rotation.pose_encoder(images)
    assert identity.features[0].dtype == dtype
    made = nets.rotation.generator(identity.code, pose.mean, dtype)
    score = nets.adversary.discriminator(images, identity.code)
    assert {identity.code.dtype, pose.mean.dtype, made.dtype, score.dtype} == {torch.float32}


def test_a_picture_is_encoded_and_drawn_alone_whatever_else_is_in_the_batch():
    nets = networks()
    images = torch.randn(4, 3, 32, 32)
    alone, together = (nets.rotation.identity_encoder(batch).code[:1] for batch in (images[:1], images))
    assert torch.allclose(alone, together, atol=1e-5)
    pose = nets.rotation.pose_encoder(images).mean
    code = nets.rotation.identity_encoder(images).code
    drawn = nets.rotation.generator(code, pose)
    assert torch.allclose(nets.rotation.generator(code[:1], pose[:1]), drawn[:1], atol=1e-4)


def test_both_codes_change_the_picture():
    nets = networks()
    code = torch.nn.functional.normalize(torch.randn(2, 12), dim=1)
    pose = torch.randn(2, 4)
    base = nets.rotation.generator(code[:1], pose[:1])
    assert not torch.allclose(base, nets.rotation.generator(code[1:], pose[:1]), atol=1e-3)
    assert not torch.allclose(base, nets.rotation.generator(code[:1], pose[1:]), atol=1e-3)


def test_discriminator_depends_on_identity_but_does_not_train_it():
    nets = networks()
    images, code = torch.randn(2, 3, 32, 32), torch.randn(2, 12, requires_grad=True)
    scores = nets.adversary.discriminator(images, code)
    assert not torch.allclose(scores, nets.adversary.discriminator(images, -code))
    scores.sum().backward()
    assert code.grad is None


def test_first_weights_depend_on_the_seed_alone():
    torch.manual_seed(99)
    first = networks(seed=5).rotation.generator.first.weight
    torch.manual_seed(7)
    assert torch.equal(first, networks(seed=5).rotation.generator.first.weight)
    assert not torch.equal(first, networks(seed=6).rotation.generator.first.weight)


def test_up_sampling_treats_even_and_odd_pixels_alike():
    # Strided transposed convolutions make even and odd pixels of other taps, which shows as a checkerboard.
    flat = double(torch.full((1, 2, 4, 4), 0.7))
    assert torch.allclose(flat, torch.full_like(flat, 0.7))
    ramp = double(torch.arange(4.0).expand(1, 1, 4, 4))[0, 0, 0]
    assert ramp.tolist() == [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def test_a_sketch_is_drawn_where_it_is_asked_for():
    torch.manual_seed(0)
    x, styles = torch.randn(1, 8, 4, 4), torch.randn(2, 4)
    plain, sketched = UpBlock(8, 8, 4, side=8), UpBlock(8, 8, 4, side=8, drawn=2)
    assert plain.sketch is None
    assert sketched(x, styles[:1]).shape == plain(x, styles[:1]).shape == (1, 8, 8, 8)
    assert not torch.allclose(sketched(x, styles[:1]), sketched(x, styles[1:]), atol=1e-3)


def test_equalised_layers_keep_the_variance():
    torch.manual_seed(0)
    x = torch.randn(64, 128)
    for _ in range(5):
        x = activate(EqualLinear(128, 128, gain=GAIN)(x))
    assert x.square().mean().item() == pytest.approx(1.0, rel=0.4)
    y = EqualConv(16, 64, 3, gain=1.0)(torch.randn(4, 16, 32, 32))
    assert y.var().item() == pytest.approx(1.0, rel=0.3)


def test_minibatch_std_tells_equal_faces_from_different_ones():
    layer = MinibatchStd()
    equal, different = torch.ones(4, 2, 3, 3), torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 3, 3)
    assert layer(equal)[:, 2].max().item() == pytest.approx(0, abs=1e-3)
    # Population deviation of 0, 1, 2, 3 is sqrt(1.25).
    assert layer(different)[:, 2].mean().item() == pytest.approx(1.25**0.5, rel=1e-4)


@pytest.mark.parametrize(("side", "channels"), [(64, 32), (8, 256), (4, 256), (1024, 8)])
def test_channels_by_side(side, channels):
    assert channels_at(side, 2048, 256) == channels


def test_coarse_faces_are_the_fine_ones_without_the_last_detail():
    rotation = networks().rotation
    code, pose = torch.nn.functional.normalize(torch.randn(2, 12), dim=1), torch.randn(2, 4)
    fine, coarse = rotation.generator(code, pose), rotation.generator.draw(code, pose, coarse=True)[0]
    assert coarse.shape == fine.shape
    # The last size adds nothing once its colours are silenced.
    with torch.no_grad():
        rotation.generator.to_rgb[-1].weight.zero_()
    assert torch.allclose(rotation.generator(code, pose), coarse, atol=1e-5)


def test_centred_codes_tell_fresh_faces_apart():
    nets = networks()
    images = torch.randn(32, 3, 32, 32) * 0.1 + 0.5
    encoder = nets.rotation.identity_encoder

    def mean_cosine():
        codes = encoder(images).code
        return (codes @ codes.T).mean().item()

    before = mean_cosine()
    nets.centre(images)
    assert before > 0.5
    assert abs(mean_cosine()) < 0.1
    assert torch.equal(nets.averaged.identity_encoder.head.bias, encoder.head.bias)


def test_frozen_lets_gradients_through_and_restores():
    nets = networks()
    encoder = nets.rotation.identity_encoder
    images = torch.randn(2, 3, 32, 32, requires_grad=True)
    with frozen(encoder):
        value = encoder(images).code.sum()
    value.backward()
    assert images.grad is not None
    assert all(parameter.grad is None and parameter.requires_grad for parameter in encoder.parameters())


def test_average_moves_by_the_half_life():
    nets = networks()
    with torch.no_grad():
        nets.rotation.generator.blocks[0].place.fill_(1.0)
        nets.averaged.generator.blocks[0].place.fill_(0.0)
    # One half-life of 100 images passes: half of the way.
    nets.update_average(images_seen=10_000, batch_size=100, half_life_images=100, rampup=0.0)
    assert torch.allclose(nets.averaged.generator.blocks[0].place, torch.tensor(0.5))
    # Early on the ramp shortens it: at 100 images, 0.05 of them is a half-life of 5, so 10 images are two.
    nets.update_average(images_seen=100, batch_size=10, half_life_images=100, rampup=0.05)
    assert torch.allclose(nets.averaged.generator.blocks[0].place, torch.tensor(0.875))


def test_total_norm_of_known_gradients():
    a, b = torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(1))
    a.grad, b.grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert total_norm([a, b, torch.nn.Parameter(torch.zeros(1))]).item() == pytest.approx(5.0)
    assert total_norm([torch.nn.Parameter(torch.zeros(1))]).item() == 0.0
