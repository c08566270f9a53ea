"""Embedders by name, and embedding a manifest that holds bad pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pifr.core.checkpoint import latest_checkpoint
from pifr.core.errors import CheckpointError, ConfigError, DataError, DependencyError
from pifr.core.files import sha256_of_file
from pifr.data import pixels as pixels_module
from pifr.data.manifest import Manifest, make_manifest
from pifr.data.pictures import write_picture
from pifr.data.pixels import open_pixels
from pifr.data.spec import InputSpec
from pifr.recognition import Embedder, embed_manifest, load_embedder
from pifr.recognition.embedding_cache import EmbeddingCache


class MeanColour:
    """Embeds a picture as its mean colour; what it saw is kept."""

    name = "mean colour"
    sha256 = "0" * 64

    def __init__(self, template: str = "unaligned") -> None:
        self.spec = InputSpec(size_px=64, template=template)
        self.batch_sizes: list[int] = []

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.batch_sizes.append(len(pixels))
        return pixels.mean(axis=(1, 2)).astype(np.float32)


class Spoilt(MeanColour):
    """Returns NaN for the first picture of a batch and zeros for the second."""

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        vectors = super().__call__(pixels)
        vectors[0, 1], vectors[1] = np.nan, 0
        return vectors


def copy_of(manifest: Manifest, folder: Path, count: int) -> Manifest:
    for path in manifest.paths[:count]:
        target = folder / path.relative_to(manifest.folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return make_manifest(manifest.table.iloc[:count], folder, "copy")


def test_vectors_come_in_row_order_in_batches(rendered: Manifest) -> None:
    embedder = MeanColour()
    result = embed_manifest(embedder, rendered, batch_size=50)
    assert isinstance(embedder, Embedder)
    assert embedder.batch_sizes == [50, 34]
    assert result.vectors.shape == (84, 3)
    assert result.vectors.dtype == np.float32
    assert not result.failed.any()
    backwards = make_manifest(rendered.table.iloc[::-1], rendered.folder, "backwards")
    np.testing.assert_array_equal(embed_manifest(MeanColour(), backwards).vectors, result.vectors[::-1])


def test_flip_fusion_adds_the_mirror_image(rendered: Manifest) -> None:
    class LeftEdge(MeanColour):
        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            return pixels[:, :, 0].mean(axis=1).astype(np.float32)

    one = make_manifest(rendered.table.iloc[:2], rendered.folder, "two")
    plain = embed_manifest(LeftEdge(), one).vectors
    fused = embed_manifest(LeftEdge(), one, flip_fusion=True).vectors
    right = open_pixels(one, 64).images[:, :, -1].mean(axis=1)
    np.testing.assert_allclose(fused, plain + right, rtol=1e-5)


def test_one_bad_picture_is_a_failed_row(
    rendered: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = copy_of(rendered, tmp_path, 6)
    whole = embed_manifest(MeanColour(), data)
    data.paths[2].write_bytes(data.paths[2].read_bytes()[:200])  # cut short
    data.paths[4].unlink()
    result = embed_manifest(MeanColour(), data)
    assert result.failed.tolist() == [False, False, True, False, True, False]
    np.testing.assert_array_equal(result.vectors[[0, 1, 3, 5]], whole.vectors[[0, 1, 3, 5]])
    assert not result.vectors[[2, 4]].any()
    told = capsys.readouterr().err
    assert "2 of 6 pictures failed" in told
    assert data.paths[2].name in told


def test_bad_pictures_cost_no_list_of_all_paths_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for number in range(8):
        write_picture(tmp_path / f"{number}.png", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    (tmp_path / "3.png").write_bytes(b"no picture")
    data = make_manifest(pd.DataFrame({"path": [f"{n}.png" for n in range(8)], "subject": "a"}), tmp_path, "eight")
    asked = []
    paths = Manifest.paths.fget
    monkeypatch.setattr(Manifest, "paths", property(lambda self: asked.append(len(self)) or paths(self)))
    assert embed_manifest(MeanColour(), data).failed.tolist() == [number == 3 for number in range(8)]
    assert len(asked) <= 4  # to open all, to look for the bad ones, to open the rest


def test_pixels_without_room_on_the_disk_fail_in_the_same_rows(
    rendered: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = copy_of(rendered, tmp_path, 6)
    whole = embed_manifest(MeanColour(), data)
    data.paths[2].write_bytes(data.paths[2].read_bytes()[:200])  # cut short
    monkeypatch.setattr(pixels_module, "_KEPT_FREE", 1 << 60)
    result = embed_manifest(MeanColour(), data, batch_size=2)
    assert result.failed.tolist() == [False, False, True, False, False, False]
    np.testing.assert_array_equal(result.vectors[[0, 1, 3, 4, 5]], whole.vectors[[0, 1, 3, 4, 5]])
    assert data.paths[2].name in capsys.readouterr().err
    for path in data.paths:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="can't decode"):
        embed_manifest(MeanColour(), data)


def test_a_whole_batch_that_can_not_be_decoded_is_passed_over(
    rendered: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = copy_of(rendered, tmp_path, 6)
    for path in data.paths[:3]:
        path.write_bytes(b"no picture")
    monkeypatch.setattr(pixels_module, "_KEPT_FREE", 1 << 60)
    embedder = MeanColour()
    assert embed_manifest(embedder, data, batch_size=2).failed.tolist() == [True] * 3 + [False] * 3
    assert embedder.batch_sizes == [1, 2]


def test_no_readable_picture_at_all_is_an_error(rendered: Manifest, tmp_path: Path) -> None:
    data = copy_of(rendered, tmp_path, 2)
    for path in data.paths:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="can't decode"):
        embed_manifest(MeanColour(), data)


def test_useless_vectors_fail(rendered: Manifest) -> None:
    result = embed_manifest(Spoilt(), make_manifest(rendered.table.iloc[:4], rendered.folder, "four"))
    assert result.failed.tolist() == [True, True, False, False]
    assert np.isfinite(result.vectors).all()


def test_another_alignment_is_refused(rendered: Manifest) -> None:
    with pytest.raises(DataError, match="trained on 'arcface-112'"):
        embed_manifest(MeanColour("arcface-112"), rendered)


def test_an_embedder_of_the_wrong_shape_is_refused(rendered: Manifest) -> None:
    class Flat(MeanColour):
        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            return np.zeros(len(pixels), np.float32)

    with pytest.raises(DataError, match=r"one row of floats a picture, here \(84, D\), found float32 \(84,\)"):
        embed_manifest(Flat(), rendered)


def test_a_run_loads_its_best_checkpoint(trained: Path, rendered: Manifest) -> None:
    embedder = load_embedder(trained, "cpu")
    best = next((trained / "best").iterdir())
    assert embedder.name == trained.name
    assert embedder.spec == InputSpec(size_px=64)
    assert embedder.sha256 == sha256_of_file(best / "weights.safetensors")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    vectors = embedder(pixels)
    assert (vectors.shape, vectors.dtype) == ((3, 16), np.float32)
    np.testing.assert_allclose(embedder(pixels[:1]), vectors[:1], atol=1e-4)  # a picture's neighbours don't matter
    np.testing.assert_array_equal(load_embedder(best, "cpu")(pixels), vectors)
    result = embed_manifest(embedder, rendered)
    assert not result.failed.any()


def test_last_can_be_asked_for(trained: Path) -> None:
    last = load_embedder(f"{trained}@last", "cpu")
    assert last.sha256 == sha256_of_file(latest_checkpoint(trained / "checkpoints").weights_path)


def test_a_run_without_validation_loads_its_last_checkpoint(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained / "checkpoints", tmp_path / "run" / "checkpoints")
    assert load_embedder(tmp_path / "run", "cpu").sha256 == load_embedder(f"{trained}@last", "cpu").sha256
    with pytest.raises(CheckpointError, match="no best checkpoint"):
        load_embedder(f"{tmp_path / 'run'}@best", "cpu")


def test_pictures_of_another_size_are_refused(trained: Path) -> None:
    with pytest.raises(DataError, match="64 x 64 x 3"):
        load_embedder(trained, "cpu")(np.zeros((1, 112, 112, 3), np.uint8))


def test_names_that_mean_nothing_say_what_would(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such run folder or embedder; name a run folder, dlib, hdlbp, onnx:"):
        load_embedder(tmp_path / "nowhere")
    for wrong, right in (("dlb", "dlib"), ("hdlbq", "hdlbp")):
        with pytest.raises(CheckpointError, match=f"{wrong}: no such run folder or embedder; did you mean '{right}'"):
            load_embedder(wrong)
    with pytest.raises(CheckpointError, match="no checkpoint in this folder"):
        load_embedder(tmp_path)
    with pytest.raises(ConfigError, match=r"unknown kind of embedder 'pyton'; did you mean 'python'\?"):
        load_embedder("pyton:module:function")


def test_another_model_is_no_recogniser(trained: Path, tmp_path: Path) -> None:
    checkpoint = latest_checkpoint(trained / "checkpoints").path
    shutil.copytree(checkpoint, tmp_path / checkpoint.name)
    meta = tmp_path / checkpoint.name / "meta.json"
    meta.write_text(meta.read_text().replace('"recognizer"', '"ipgan"'))
    with pytest.raises(CheckpointError, match="not a recogniser, found 'ipgan'"):
        load_embedder(tmp_path / checkpoint.name)


OWN_EMBEDDER = """
import numpy as np
from pifr.data.spec import InputSpec

def embed(pixels):
    return pixels.mean(axis=(1, 2)).astype(np.float32)

embed.spec = InputSpec(size_px=64)

class Model:
    spec = InputSpec(size_px=64)
    name = "mine"
    sha256 = "f" * 64
    def __call__(self, pixels):
        return embed(pixels)

def without_spec(pixels):
    return pixels
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_embedder_for_tests.py").write_text(OWN_EMBEDDER)
    monkeypatch.chdir(tmp_path)
    return "own_embedder_for_tests"


def test_a_function_in_the_current_folder_is_an_embedder(own_module: str, rendered: Manifest) -> None:
    embedder = load_embedder(f"python:{own_module}:embed")
    assert embedder.name == f"{own_module}:embed"
    assert embedder.sha256 == sha256_of_file(Path(f"{own_module}.py"))
    assert not embed_manifest(embedder, rendered).failed.any()


def test_a_class_is_built_first(own_module: str) -> None:
    embedder = load_embedder(f"python:{own_module}:Model")
    assert (embedder.name, embedder.sha256) == ("mine", "f" * 64)
    assert embedder(np.full((1, 64, 64, 3), 9, np.uint8)).tolist() == [[9, 9, 9]]


def test_mistakes_in_ones_own_embedder_are_one_line(own_module: str) -> None:
    with pytest.raises(ConfigError, match="has an attribute 'spec'"):
        load_embedder(f"python:{own_module}:without_spec")
    with pytest.raises(ConfigError, match=r"has no 'embedd'; did you mean 'embed'\?"):
        load_embedder(f"python:{own_module}:embedd")
    with pytest.raises(DependencyError, match="can't import the module 'no_such_module_here'"):
        load_embedder("python:no_such_module_here:embed")
    with pytest.raises(ConfigError, match="is named python:package"):
        load_embedder("python:justamodule")


class Widening(MeanColour):
    """Returns vectors of another width for each batch."""

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        vectors = super().__call__(pixels)
        return np.pad(vectors, [(0, 0), (0, len(self.batch_sizes))])


@pytest.mark.parametrize("cached", [False, True])
def test_an_embedder_that_changes_its_width_is_refused(rendered: Manifest, tmp_path: Path, cached: bool) -> None:
    cache = EmbeddingCache(tmp_path / "cache") if cached else None
    with pytest.raises(DataError, match="vectors of one width, found 4 and 5"):
        embed_manifest(Widening(), rendered, batch_size=50, cache=cache)
