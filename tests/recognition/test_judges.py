"""Judges by name: dlib's network and ONNX files, each clear about what it needs."""

import importlib.metadata
from types import SimpleNamespace

import numpy as np
import pytest

from pifr.core.errors import CheckpointError, ConfigError, DataError, DependencyError
from pifr.recognition.embedders import embed_manifest, load_embedder
from pifr.recognition.judges.onnx_model import open_session

SPEC = "size_px: 8\nchannels: {channels}\nmean: 10\nstd: 2\ntemplate: unaligned\n"


def write_onnx(path, batch="n", side=8, metadata=None):
    """A network that returns the mean of each channel: (N, 3, S, S) -> (N, 3)."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    node = helper.make_node("GlobalAveragePool", ["x"], ["pooled"])
    flat = helper.make_node("Flatten", ["pooled"], ["y"])
    graph = helper.make_graph(
        [node, flat], "means",
        [helper.make_tensor_value_info("x", kind, [batch, 3, side, side])],
        [helper.make_tensor_value_info("y", kind, [batch, 3])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, metadata or {})
    path.write_bytes(model.SerializeToString())


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_an_onnx_file_is_fed_as_its_spec_says(tmp_path, pixels, channels, batch):
    write_onnx(tmp_path / "m.onnx", batch)
    (tmp_path / "m.yaml").write_text(SPEC.format(channels=channels))
    embedder = load_embedder(f"onnx:{tmp_path / 'm.onnx'}", device="cpu")
    means = (pixels.astype(float).mean(axis=(1, 2)) - 10) / 2
    expected = means if channels == "RGB" else means[:, ::-1]
    np.testing.assert_allclose(embedder(pixels), expected, rtol=1e-5)
    assert embedder.name == "m"
    assert len(embedder.sha256) == 64


def test_an_onnx_file_without_spec_is_refused(tmp_path):
    write_onnx(tmp_path / "m.onnx")
    with pytest.raises(CheckpointError, match=r"does not say how it wants its pictures.*into m\.yaml beside it"):
        load_embedder(f"onnx:{tmp_path / 'm.onnx'}")


def test_the_spec_may_be_in_the_metadata_and_yaml_goes_before_it(tmp_path, pixels):
    path = tmp_path / "m.onnx"
    write_onnx(path, metadata={"pifr.input_spec": '{"size_px": 8, "channels": "BGR", "mean": 10, "std": 2}'})
    embedder = load_embedder(f"onnx:{path}", device="cpu")
    means = (pixels.astype(float).mean(axis=(1, 2)) - 10) / 2
    np.testing.assert_allclose(embedder(pixels), means[:, ::-1], rtol=1e-5)
    (tmp_path / "m.yaml").write_text(SPEC.format(channels="RGB"))
    np.testing.assert_allclose(load_embedder(f"onnx:{path}", device="cpu")(pixels), means, rtol=1e-5)


@pytest.mark.parametrize("spec", ["{", "[1]", '{"size": 8}', "7"])
def test_a_damaged_spec_in_the_metadata_is_one_line(tmp_path, spec):
    write_onnx(tmp_path / "m.onnx", metadata={"pifr.input_spec": spec})
    with pytest.raises((CheckpointError, ConfigError), match=r"metadata"):
        load_embedder(f"onnx:{tmp_path / 'm.onnx'}", device="cpu")


def test_onnx_files_that_do_not_fit_are_refused(tmp_path, pixels):
    with pytest.raises(CheckpointError, match="file not found"):
        load_embedder("onnx:nowhere.onnx")
    write_onnx(tmp_path / "m.onnx", side=16)
    (tmp_path / "m.yaml").write_text(SPEC.format(channels="RGB"))
    with pytest.raises(CheckpointError, match="the spec says 8 px, the network takes 16"):
        load_embedder(f"onnx:{tmp_path / 'm.onnx'}", device="cpu")
    (tmp_path / "m.onnx").write_bytes(b"no network")
    with pytest.raises(CheckpointError, match="can't read the ONNX file"):
        load_embedder(f"onnx:{tmp_path / 'm.onnx'}", device="cpu")
    write_onnx(tmp_path / "m.onnx")
    with pytest.raises(DataError, match="takes pictures of 8 px"):
        load_embedder(f"onnx:{tmp_path / 'm.onnx'}", device="cpu")(pixels[:, :4])


def test_dlib_embeds_pictures_of_any_alignment(rendered):
    pytest.importorskip("dlib")
    embedder = load_embedder("dlib")
    table = rendered.table[:7].assign(template="crop:1,2,60")
    found = embed_manifest(embedder, type(rendered)(table, rendered.folder))
    assert found.vectors.shape == (7, 128)
    assert not found.failed.any()
    # The network was trained so that faces of one person lie within 0.6 of each other, all near length 1.4.
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1.4, atol=0.2)


def test_dlib_refuses_what_is_no_picture_and_takes_no_argument():
    pytest.importorskip("dlib")
    with pytest.raises(DataError, match="uint8 RGB"):
        load_embedder("dlib")(np.zeros((1, 8, 8, 3), np.float32))
    with pytest.raises(ConfigError, match="nothing after its name"):
        load_embedder("dlib:big")


def test_missing_weights_name_the_extra(monkeypatch):
    pytest.importorskip("dlib")

    def gone(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.files", gone)
    with pytest.raises(DependencyError, match=r"pifr-toolkit\[judge\]"):
        load_embedder("dlib")


class Runtime:
    """A stand-in for onnxruntime with a GPU, which may fall back to the processor without a word."""

    def __init__(self, falls_back=False):
        self.falls_back = falls_back

    def get_available_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def InferenceSession(self, path, providers):  # noqa: N802
        self.asked = providers
        running = ["CPUExecutionProvider"] if self.falls_back else ["CUDAExecutionProvider", "CPUExecutionProvider"]
        return SimpleNamespace(get_providers=lambda: running)


@pytest.mark.parametrize(("device", "number"), [("cuda", 0), ("cuda:1", 1), ("auto", 0)])
def test_an_onnx_file_runs_on_the_gpu_that_was_named(tmp_path, device, number):
    runtime = Runtime()
    open_session(runtime, tmp_path / "m.onnx", device)
    assert runtime.asked == [("CUDAExecutionProvider", {"device_id": number}), "CPUExecutionProvider"]


def test_onnxruntime_may_not_fall_back_to_the_cpu_where_a_gpu_was_named(tmp_path):
    with pytest.raises(DependencyError, match=r"--device cuda:1: onnxruntime did not start on the GPU, found CPUExec"):
        open_session(Runtime(falls_back=True), tmp_path / "m.onnx", "cuda:1")
    assert open_session(Runtime(falls_back=True), tmp_path / "m.onnx", "auto").get_providers()
    runtime = Runtime()
    open_session(runtime, tmp_path / "m.onnx", "cpu")
    assert runtime.asked == ["CPUExecutionProvider"]
    with pytest.raises(DependencyError, match="no such device, found 'mps'"):
        open_session(runtime, tmp_path / "m.onnx", "mps")
