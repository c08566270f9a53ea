"""A recogniser with DREAM from training to embeddings: end to end, stored, loaded, told yaw or not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pifr.core.errors import DataError
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pixels import open_pixels
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import embed_manifest, embed_pixels, load_embedder
from pifr.recognition.embedding_cache import EmbeddingCache
from pifr.recognition.training import train_recognizer

Recipe = Callable[..., RecognizerConfig]


def with_dream(recipe: Recipe, **dream: str) -> RecognizerConfig:
    return recipe(backbone={"width": 0.125, "embedding_dim": 16, "dream": dream}, steps=4)


@pytest.mark.parametrize("yaw", ["manifest", "estimate"])
def test_end_to_end_training_is_stored_and_loaded(recipe: Recipe, people: Manifest, tmp_path: Path, yaw: str) -> None:
    result = train_recognizer(with_dream(recipe, gate="code", yaw=yaw), tmp_path, device="cpu")
    embedder = load_embedder(result.run.path, device="cpu")
    assert embedder.backbone.config.gate == "code"  # type: ignore[attr-defined]
    assert embedder.takes_yaw == (yaw == "manifest")  # type: ignore[attr-defined]
    vectors = embed_manifest(embedder, people).vectors
    pixels = open_pixels(people, 64).images
    told = embedder(pixels, people.yaw_degrees)  # type: ignore[call-arg]
    np.testing.assert_allclose(vectors, told, atol=1e-5)
    estimated = embedder(pixels)
    assert np.isfinite(estimated).all()
    assert np.allclose(estimated, told, atol=1e-5) == (yaw == "estimate")


def test_yaw_reaches_the_network_row_by_row_in_training(recipe: Recipe, people: Manifest, tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from pifr.backbones.dream import DreamBackbone

    seen: list[torch.Tensor] = []
    forward = DreamBackbone.forward

    def watched(self: DreamBackbone, images: torch.Tensor, yaw_degrees: torch.Tensor | None = None) -> torch.Tensor:
        if self.training:
            assert yaw_degrees is not None
            seen.append(yaw_degrees)
        return forward(self, images, yaw_degrees)

    monkeypatch.setattr(DreamBackbone, "forward", watched)
    train_recognizer(with_dream(recipe, yaw="manifest"), tmp_path, device="cpu")
    assert len(seen) == 4
    assert {len(yaws) for yaws in seen} == {8}
    assert set(torch.cat(seen).tolist()) <= set(people.yaw_degrees.tolist())
    assert len(set(torch.cat(seen).tolist())) > 2


def test_the_manifests_yaw_is_needed_where_it_is_asked_for(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    bare = people.table.drop(columns=["yaw"])
    path = make_manifest(bare, Path(people.folder), str(tmp_path / "bare.csv")).save(tmp_path / "bare.csv").name
    config = with_dream(recipe, yaw="manifest").model_copy(deep=True)
    config = config.model_copy(update={"data": config.data.model_copy(update={"manifest": path})})
    with pytest.raises(DataError, match="needs a column yaw; fill it with pifr data pose"):
        train_recognizer(config, tmp_path / "runs", device="cpu")


def test_the_cache_tells_one_yaw_from_another(recipe: Recipe, people: Manifest, tmp_path: Path) -> None:
    run = train_recognizer(with_dream(recipe, yaw="manifest"), tmp_path / "runs", device="cpu").run.path
    embedder = load_embedder(run, device="cpu")
    pixels = open_pixels(people, 64).images[:2]
    with EmbeddingCache(tmp_path / "cache") as cache:
        near, far = (embed_pixels(embedder, pixels, cache=cache, yaw_degrees=np.full(2, yaw)) for yaw in (0.0, 80.0))
        again = embed_pixels(embedder, pixels, cache=cache, yaw_degrees=np.full(2, 80.0))
        estimated = embed_pixels(embedder, pixels, cache=cache)
    assert not np.allclose(near, far)
    assert np.array_equal(again, far)
    assert cache.hits == 2
    assert not np.allclose(estimated, far)
