"""A recogniser in the generator's training: as a watcher, as a frozen encoder, fine-tuned."""

from pathlib import Path

import pytest
import torch

from ipgan import Rotator, train
from ipgan.config import ModelConfig
from ipgan.identity_encoder import BackboneIdentity
from ipgan.methods.ipgan import IPGAN
from ipgan.recognizer import Recognizer, take_recognizer
from pifr.backbones import KIND, BackboneConfig, DreamConfig, build_backbone, load_backbone
from pifr.core.checkpoint import latest_checkpoint, save_checkpoint
from pifr.core.config import check_config
from pifr.core.errors import ConfigError
from pifr.data.manifest import read_manifest
from pifr.data.pixels import open_pixels
from pifr.data.spec import InputSpec
from pifr.recognition import RecognizerConfig, train_recognizer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def recognizer(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recogniser of 64 px, two steps old."""
    config = check_config(
        RecognizerConfig,
        {"data": {"manifest": str(people), "validation_split": None}, "steps": 2, "batch": {"people": 4},
         "backbone": {"width": 0.1, "embedding_dim": 10}},
        "test",
    )  # fmt: skip
    return train_recognizer(config, tmp_path_factory.mktemp("recognizer")).run.path


def recipe(small_recipe, people, recognizer, role="loss", **changes):
    return small_recipe(people, identity={"recognizer": str(recognizer), "role": role}, data={"size_px": 64}, **changes)


def test_a_watcher_compares_but_never_learns(small_recipe, people, recognizer, tmp_path):
    before = load_backbone(recognizer).network.state_dict()
    result = train(recipe(small_recipe, people, recognizer, steps=2), tmp_path)
    history = (result.run.path / "history.jsonl").read_text()
    assert "recognizer_cosine" in history
    assert "recognizer_feature" in history
    after = load_backbone(recognizer).network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_gradients_reach_the_pictures_and_nothing_of_the_recogniser(people, recognizer):
    spec = load_backbone(recognizer).spec
    watcher = Recognizer(recognizer, spec, CPU)
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    found = watcher(images, torch.float32)
    assert torch.allclose(found.code.norm(dim=1), torch.ones(2), atol=1e-5)
    assert [features.shape[-1] for features in found.features] == [16, 8]
    (gradient,) = torch.autograd.grad(sum(f.square().mean() for f in found.features), images)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("role", ["encoder", "fine-tuned encoder"])
def test_a_recogniser_is_the_encoder(small_recipe, people, recognizer, tmp_path, role):
    result = train(recipe(small_recipe, people, recognizer, role, steps=2, erase_steps=0), tmp_path)
    rotator = Rotator.load(result.run.path, "cpu", "float32")
    encoder = rotator.rotation.identity_encoder
    assert isinstance(encoder, BackboneIdentity)
    weights = latest_checkpoint(result.run.path / "checkpoints").weights()
    start = load_backbone(recognizer).network.state_dict()
    name = "stem.0.weight"
    moved = not torch.equal(weights[f"rotation.identity_encoder.backbone.{name}"], start[name])
    assert moved == (role == "fine-tuned encoder")
    manifest = read_manifest(people)
    codes = rotator.identity_codes(open_pixels(manifest, 64)[[0, 1]])
    assert codes.shape == (2, 10)
    assert rotator.rotate(open_pixels(manifest, 64)[[0]], [0.0]).shape == (1, 1, 64, 64, 3)


@pytest.mark.parametrize("role", ["encoder", "fine-tuned encoder"])
def test_a_recogniser_sees_in_training_what_it_sees_at_inference(
    small_recipe, people, recognizer, tmp_path, monkeypatch, role
):
    found = []
    inner = IPGAN.rotation_terms

    def watched(method, networks, batch, *others):
        # The averaged encoder is what inference uses; before the first update its weights are the trained one's.
        found.append([side.identity_encoder(batch.source).code for side in (networks.rotation, networks.averaged)])
        return inner(method, networks, batch, *others)

    monkeypatch.setattr(IPGAN, "rotation_terms", watched)
    run = train(recipe(small_recipe, people, recognizer, role, steps=2, erase_steps=0), tmp_path).run
    assert torch.equal(*found[0])
    weights, start = latest_checkpoint(run.checkpoints).weights(), load_backbone(recognizer).network.state_dict()
    buffers = [name for name in start if "running" in name]
    assert buffers
    for module in ("rotation", "averaged"):
        assert all(torch.equal(weights[f"{module}.identity_encoder.backbone.{name}"], start[name]) for name in buffers)


def test_a_recogniser_of_other_pictures_is_refused(small_recipe, people, recognizer):
    with pytest.raises(ConfigError, match="another template"):
        Recognizer(recognizer, InputSpec(size_px=64, template="arcface-112"), CPU)
    spec = load_backbone(recognizer).spec.model_copy(update={"size_px": 32})
    config = recipe(small_recipe, people, recognizer, "encoder")
    with pytest.raises(ConfigError, match="own size only"):
        take_recognizer(config, spec, CPU)
    with pytest.raises(ConfigError, match=r"needs identity\.recognizer"):
        small_recipe(people, identity={"role": "encoder"})


def test_a_recogniser_with_dream_watches_but_is_no_encoder(small_recipe, people, tmp_path):
    shape = BackboneConfig(width=0.1, embedding_dim=10, dream=DreamConfig())
    spec = InputSpec(size_px=64)
    meta = {"kind": KIND, "spec": spec.model_dump(), "config": {"backbone": shape.model_dump()}}
    save_checkpoint(tmp_path / "checkpoints", 1, {"backbone": build_backbone(shape, 64)}, {}, meta)
    images = torch.randn(2, 3, 64, 64, requires_grad=True)
    found = Recognizer(tmp_path, spec, CPU)(images, torch.float32)  # nobody tells it yaw: it reads it
    (gradient,) = torch.autograd.grad(found.code[0, 0], images)
    assert gradient.abs().sum() > 0
    with pytest.raises(ConfigError, match="a DREAM block can't be the encoder"):
        take_recognizer(recipe(small_recipe, people, tmp_path, "encoder"), spec, CPU)


def test_an_edit_of_a_backbone_encoder_is_an_affine_map(recognizer):
    shape = load_backbone(recognizer).shape
    encoder = BackboneIdentity(ModelConfig(identity_backbone=shape, identity_dim=10), 64).eval()
    images = torch.randn(3, 3, 64, 64)
    before = encoder.raw(images)
    matrix, offset = torch.randn(10, 10), torch.randn(10)
    for _ in range(2):
        encoder.edit(matrix, offset)
    wanted = (before @ matrix.T + offset) @ matrix.T + offset
    assert torch.allclose(encoder.raw(images), wanted, atol=1e-3)
