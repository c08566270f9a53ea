"""Exported files: they say what torch says, for any batch, and what they want is written in them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pifr.backbones import KIND, BackboneConfig, DreamConfig, build_backbone
from pifr.core.checkpoint import save_checkpoint
from pifr.core.errors import CheckpointError, DataError, DependencyError
from pifr.data.manifest import Manifest
from pifr.data.pictures import resize_picture
from pifr.data.pixels import open_pixels
from pifr.data.spec import InputSpec
from pifr.recognition import export as room
from pifr.recognition.embedders import load_embedder
from pifr.recognition.export import ExportResult, export_recognizer

SPEC = InputSpec(size_px=80, channels="BGR", mean=100.0, std=128.0)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"


def store(folder: Path, dream: DreamConfig | None = None) -> Path:
    """A recogniser that learned nothing but the statistics of its batch norms."""
    torch.manual_seed(0)
    shape = BackboneConfig(name="lightcnn9", width=0.125, embedding_dim=16, dream=dream)
    network = build_backbone(shape, SPEC.size_px)
    plain = network if dream is None else network.get_submodule("backbone")
    plain(torch.randn(16, 3, SPEC.size_px, SPEC.size_px))
    meta = {
        "kind": KIND, "spec": SPEC.model_dump(mode="json"), "subjects": ["Ada Lovelace"], "people": 1,
        "data_fingerprint": "0f1e2d",
        "config": {"backbone": shape.model_dump(mode="json")},
    }  # fmt: skip
    save_checkpoint(folder / "checkpoints", 3, {"backbone": network}, {}, meta)
    return folder


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ExportResult]]:
    """A recogniser with a DREAM block and its two files, for pictures of another size than the pose estimator's."""
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("exported")
    run = store(folder / "run", DreamConfig(gate="code"))
    return run, export_recognizer(run, folder / "face.onnx", folder / "face.pt2")


@pytest.fixture
def faces(rendered: Manifest) -> np.ndarray:
    return np.stack([resize_picture(one, SPEC.size_px) for one in open_pixels(rendered, 64).images[:7]])


@pytest.mark.slow
def test_both_files_agree_with_torch(exported: tuple[Path, list[ExportResult]]) -> None:
    for result in exported[1]:
        assert result.path.is_file()
        assert result.pictures == 9
        assert result.largest_difference < 1e-4 * result.largest_value
        assert result.lowest_cosine > 0.999999
        assert re.search(r"max abs difference \d\.\d\de-\d\d .* lowest cosine (1\.00|0\.999999)", result.table())
    assert [result.form for result in exported[1]] == ["onnx", "torch.export"]


@pytest.mark.slow
def test_the_onnx_embedder_gives_the_run_folders_vectors(
    exported: tuple[Path, list[ExportResult]], faces: np.ndarray
) -> None:
    run, (onnx, _) = exported
    embedder, original = load_embedder(f"onnx:{onnx.path}", device="cpu"), load_embedder(run, device="cpu")
    assert embedder.spec == SPEC
    for part in (faces, faces[:1]):
        np.testing.assert_allclose(embedder(part), original(part), atol=1e-4)


@pytest.mark.slow
def test_the_archive_holds_the_spec_and_takes_any_batch(
    exported: tuple[Path, list[ExportResult]], faces: np.ndarray
) -> None:
    run, (_, archive) = exported
    files = {"pifr.json": ""}
    program = torch.export.load(archive.path, extra_files=files)
    assert InputSpec(**json.loads(files["pifr.json"])["pifr.input_spec"]) == SPEC
    images = torch.from_numpy((faces[..., ::-1].astype(np.float32) - 100) / 128).permute(0, 3, 1, 2)
    expected = load_embedder(run, device="cpu")(faces)
    np.testing.assert_allclose(program.module()(images).detach().numpy(), expected, atol=1e-4)


@pytest.mark.slow
def test_the_names_of_people_stay_at_home_and_their_number_and_the_pictures_digest_go_along(
    exported: tuple[Path, list[ExportResult]],
) -> None:
    import onnxruntime

    onnx, archive = exported[1]
    assert all(b"Lovelace" not in result.path.read_bytes() for result in exported[1])
    told = onnxruntime.InferenceSession(str(onnx.path)).get_modelmeta().custom_metadata_map
    assert (told["pifr.people"], told["pifr.data_fingerprint"]) == ("1", "0f1e2d")
    files = {"pifr.json": ""}
    torch.export.load(archive.path, extra_files=files)
    assert json.loads(files["pifr.json"]).items() >= {"pifr.people": 1, "pifr.data_fingerprint": "0f1e2d"}.items()


@pytest.mark.slow
def test_the_snippet_of_the_page_has_five_lines_and_gives_those_vectors(
    exported: tuple[Path, list[ExportResult]], faces: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    assert len([line for line in code[1].splitlines() if line]) == 5
    run, (onnx, _) = exported
    monkeypatch.chdir(onnx.path.parent)
    namespace: dict[str, object] = {"faces": faces}
    exec(compile(code[1], "export.md", "exec"), namespace)
    np.testing.assert_allclose(namespace["embeddings"], load_embedder(run, device="cpu")(faces), atol=1e-4)


def test_a_file_that_says_something_else_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(module: object, images: object, about: object, path: Path) -> object:
        path.write_bytes(b"written")
        return lambda batch: np.random.default_rng(0).normal(size=(len(batch), 16)).astype(np.float32)

    monkeypatch.setattr(room, "_write_onnx", wrong)
    (tmp_path / "face.onnx").write_bytes(b"older")
    with pytest.raises(CheckpointError, match="does not say what torch says, so it was not kept"):
        export_recognizer(store(tmp_path / "run"), tmp_path / "face.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.onnx", "run"]
    assert (tmp_path / "face.onnx").read_bytes() == b"older"


def test_the_extra_is_named_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(DependencyError, match=r"pifr-toolkit\[onnx\]"):
        export_recognizer(store(tmp_path / "run"), tmp_path / "face.onnx")
    assert not (tmp_path / "face.onnx").exists()


def test_pictures_of_another_alignment_are_refused(tmp_path: Path, rendered: Manifest) -> None:
    other = type(rendered)(rendered.table.assign(template="arcface-112"), rendered.folder)
    with pytest.raises(DataError, match="aligned by template 'arcface-112'"):
        export_recognizer(store(tmp_path / "run"), torch_export=tmp_path / "face.pt2", pictures=other)
