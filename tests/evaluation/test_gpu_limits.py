"""What FAISS can't do on a GPU is said before an index is built; with a stand-in for the GPU, since none is needed."""

from types import SimpleNamespace

import numpy as np
import pytest

from pifr.core.config import check_config
from pifr.core.errors import ConfigError, DependencyError
from pifr.evaluation.engines import choose_engine
from pifr.evaluation.index import IndexConfig, SearchIndex, build_index

faiss = pytest.importorskip("faiss")


@pytest.fixture
def gpu(monkeypatch):
    """FAISS as if it had one GPU, on which an index stays as it is."""
    found = SimpleNamespace(moved=0, error=None)

    def move(resources, number, index, options):
        if found.error:
            raise RuntimeError(found.error)
        found.moved += 1
        return index

    for name, value in (
        ("get_num_gpus", lambda: 1), ("GpuClonerOptions", SimpleNamespace), ("StandardGpuResources", SimpleNamespace),
        ("index_cpu_to_gpu", move),
    ):  # fmt: skip
        monkeypatch.setattr(faiss, name, value, raising=False)
    return found


def config(**changes):
    return check_config(IndexConfig, {"kind": "ivfpq", "lists": 4, **changes}, "test")


def vectors(count, dims=32):
    return np.random.default_rng(0).normal(size=(count, dims)).astype(np.float32), [str(n) for n in range(count)]


def code_bytes(dims, device="cuda", **changes):
    return choose_engine(config(**changes), "auto", device, dims, 1000)._index.pq.M


def test_an_index_that_fits_is_brought_to_the_gpu(gpu):
    gallery, names = vectors(300)
    index = build_index(gallery, names, config(), device="cuda")
    assert gpu.moved == 1
    assert index.search(gallery[:2], 300)[0].shape == (2, 300)


@pytest.mark.parametrize(("changes", "count"), [({}, 255), ({"train_vectors": 200}, 400)])
def test_codes_shorter_than_8_bits_are_refused(gpu, changes, count):
    gallery, names = vectors(count)
    with pytest.raises(ConfigError, match=r"--device cuda: .* codes of 8 bits only, found 7; .*256"):
        build_index(gallery, names, config(**changes), device="cuda")
    assert build_index(gallery, names, config(**changes)).engine._index.pq.nbits == 7


@pytest.mark.parametrize(("dims", "on_gpu", "on_cpu"), [(512, 64, 64), (1024, 64, 128), (128, 16, 16), (40, 4, 5),
                                                        (768, 96, 96), (7, 1, 1)])  # fmt: skip
def test_the_length_of_a_code_is_one_the_gpu_takes(gpu, dims, on_gpu, on_cpu):
    assert (code_bytes(dims), code_bytes(dims, "cpu") if dims % on_cpu == 0 else None) == (on_gpu, on_cpu)


def test_a_length_that_the_gpu_does_not_take_is_refused(gpu):
    with pytest.raises(ConfigError, match=r"--device cuda: .* no codes of 128 bytes; take code_bytes of 1, 2, .*96"):
        code_bytes(1024, code_bytes=128)
    with pytest.raises(ConfigError, match=r"looks into 2,048 lists at most, found 3000"):
        code_bytes(32, lists=4000, probed_lists=3000)


def test_an_index_of_the_cpu_that_does_not_fit_is_refused_when_loaded(gpu, tmp_path):
    gallery, names = vectors(200)
    build_index(gallery, names, config()).save(tmp_path / "index")
    with pytest.raises(ConfigError, match="codes of 8 bits only"):
        SearchIndex.load(tmp_path / "index", "cuda:0")


def test_more_answers_than_the_gpu_gives_are_refused(gpu):
    gallery, names = vectors(2100, 8)
    index = build_index(gallery, names, check_config(IndexConfig, {"kind": "flat"}, "test"), "faiss", "cuda")
    assert index.search(gallery[:1], 2048)[1].shape == (1, 2048)
    with pytest.raises(ConfigError, match=r"--device cuda: .* 2,048 .*, found 2100; .*CPU"):
        index.search(gallery[:1], 5000)
    assert build_index(gallery, names, index.config, "faiss").search(gallery[:1], 5000)[1].shape == (1, 2100)


def test_an_index_that_the_gpu_refuses_is_one_line(gpu):
    gpu.error = "Error in virtual void* faiss::gpu at x.cpp:1: Error: out of memory\nmore"
    gallery, names = vectors(300)
    with pytest.raises(DependencyError, match=r"--device cuda: .*GPU, found .*out of memory.*CPU") as caught:
        build_index(gallery, names, config(), device="cuda")
    assert "\n" not in str(caught.value)
