"""Indexes against a matrix product: exact kinds equal it, approximate ones come close; saved, loaded, refused."""

import sys

import numpy as np
import pytest

from pifr.core.config import check_config
from pifr.core.errors import CheckpointError, ConfigError, DataError, DependencyError
from pifr.evaluation.engines import inverted_lists
from pifr.evaluation.index import IndexConfig, SearchIndex, build_index
from pifr.evaluation.search_report import measure_search

DIMS = 32
KINDS = {
    "flat": {}, "flat16": {}, "hnsw": {},
    "ivfpq": {"lists": 8, "probed_lists": 8, "code_bytes": 16, "train_vectors": 1000},
}  # fmt: skip


def config(kind, **changes):
    return check_config(IndexConfig, {"kind": kind, **KINDS[kind], **changes}, "test")


@pytest.fixture(scope="module")
def gallery():
    """Forty people, thirty templates each."""
    rng = np.random.default_rng(0)
    people = rng.normal(size=(40, DIMS))
    return (np.repeat(people, 30, axis=0) + 0.4 * rng.normal(size=(1200, DIMS))).astype(np.float32)


@pytest.fixture(scope="module")
def names(gallery):
    return [f"{row:04d}.png" for row in range(len(gallery))]


@pytest.fixture(scope="module")
def probes(gallery):
    rng = np.random.default_rng(1)
    return (gallery[rng.choice(len(gallery), 50, replace=False)] + 0.2 * rng.normal(size=(50, DIMS))).astype(np.float32)


@pytest.fixture(scope="module")
def truth(gallery, probes):
    unit = [v.astype(float) / np.linalg.norm(v, axis=1, keepdims=True) for v in (gallery, probes)]
    return unit[1] @ unit[0].T


@pytest.mark.parametrize("engine", ["faiss", "torch"])
@pytest.mark.parametrize("kind", ["flat", "flat16"])
def test_exact_kinds_equal_the_matrix_product(gallery, names, probes, truth, engine, kind):
    index = build_index(gallery, names, config(kind), engine)
    scores, rows = index.search(probes, 5)
    tolerance = 1e-6 if kind == "flat" else 2e-3  # half precision keeps eleven bits of each number
    np.testing.assert_allclose(scores, -np.sort(-truth, axis=1)[:, :5], atol=tolerance)
    if kind == "flat":
        np.testing.assert_array_equal(rows, np.argsort(-truth, axis=1)[:, :5])
    assert (index.engine.name, len(index), index.dims) == (engine, 1200, DIMS)
    assert index.record.bytes == 1200 * DIMS * (4 if kind == "flat" else 2)


@pytest.mark.parametrize(("kind", "least"), [("hnsw", 0.95), ("ivfpq", 0.5)])
def test_approximate_kinds_find_most(gallery, names, probes, kind, least):
    exact = build_index(gallery, names)
    report = measure_search(exact, [build_index(gallery, names, config(kind))], probes, k=10)
    own, other = report.figures
    assert (own.recall, own.recall_first, own.same_first) == (1, 1, 1)
    assert least <= other.recall <= 1
    assert other.recall_first >= other.same_first > 0
    assert other.milliseconds_per_probe > 0
    assert (other.bytes < own.bytes) == (kind == "ivfpq")


def test_recall_is_what_a_count_by_hand_gives(gallery, names, probes, truth):
    rough = build_index(gallery, names, config("ivfpq", code_bytes=2, probed_lists=1))
    found = measure_search(build_index(gallery, names), [rough], probes, k=3)
    _, rows = rough.search(probes, 3)
    best = np.argsort(-truth, axis=1)[:, :3]
    by_hand = np.mean([len(set(a) & set(b)) / 3 for a, b in zip(rows.tolist(), best.tolist(), strict=True)])
    assert found.figures[1].recall == pytest.approx(by_hand)
    assert by_hand < 1
    assert list(found.table()["index"]) == ["flat (faiss)", "ivfpq (faiss)"]
    assert found.to_dict()["indexes"][1]["recall_percent"] == pytest.approx(100 * by_hand, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_any_size_make_the_same_index(gallery, names, probes, kind):
    whole = build_index(gallery, names, config(kind)).search(probes, 4)
    parts = iter([gallery[:7], gallery[7:700], gallery[700:]])
    streamed = build_index(parts, names, config(kind)).search(probes, 4)
    if kind in ("flat", "flat16"):
        np.testing.assert_array_equal(whole[1], streamed[1])
    else:  # trained on, or linked in, another order
        assert np.mean(whole[1][:, 0] == streamed[1][:, 0]) > 0.7


@pytest.mark.parametrize(("kind", "engine"), [*((kind, "faiss") for kind in KINDS), ("flat", "torch"),
                                              ("flat16", "torch")])  # fmt: skip
def test_saved_and_loaded_it_finds_the_same(gallery, names, probes, kind, engine, tmp_path):
    index = build_index(gallery, names, config(kind), engine, embedder={"name": "e", "sha256": "1"})
    index.save(tmp_path / "index")
    index.save(tmp_path / "index")  # an index may be replaced
    again = SearchIndex.load(tmp_path / "index")
    for one, other in zip(index.search(probes, 6), again.search(probes, 6), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (again.names, again.embedder, again.config) == (index.names, index.embedder, index.config)
    assert (again.engine.name, again.record) == (engine, index.record)
    assert not [path for path in (tmp_path / "index").iterdir() if path.suffix in (".pkl", ".pt")]


def test_a_damaged_index_is_refused(gallery, names, tmp_path):
    build_index(gallery, names).save(tmp_path / "index")
    file = tmp_path / "index" / "index.faiss"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=r"index\.faiss: the index is damaged"):
        SearchIndex.load(tmp_path / "index")
    file.unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        SearchIndex.load(tmp_path / "index")
    with pytest.raises(CheckpointError, match="no index in this folder; make one with: pifr search build"):
        SearchIndex.load(tmp_path)
    with pytest.raises(DataError, match="won't be replaced"):
        build_index(gallery, names).save(tmp_path)


def test_an_index_replaces_itself_alone(gallery, names, tmp_path):
    (tmp_path / "index").mkdir()  # an empty folder is taken
    build_index(gallery, names, engine="torch").save(tmp_path / "index")
    build_index(gallery[:9], names[:9]).save(tmp_path / "index")
    assert len(SearchIndex.load(tmp_path / "index")) == 9
    (tmp_path / "index" / "notes.txt").write_text("mine")
    message = r"this folder holds more than an index and won't be replaced, found notes.txt; choose another folder"
    with pytest.raises(DataError, match=message):
        build_index(gallery, names).save(tmp_path / "index")
    assert (tmp_path / "index" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(("bad", "why"), [(np.nan, "is not finite"), (0.0, "is zero")])
@pytest.mark.parametrize("kind", ["flat", "ivfpq"])
def test_vectors_without_direction_are_named(gallery, names, bad, why, kind):
    spoilt = gallery.copy()
    spoilt[900] = bad
    with pytest.raises(DataError, match=rf"0900\.png: the enrolled embedding {why}"):
        build_index(iter([spoilt[:600], spoilt[600:]]), names, config(kind))


def test_repeated_vectors_and_names_are_named(gallery, names):
    twice = gallery.copy()
    twice[1000] = 2 * twice[10]  # only the direction counts
    twice[1001] = twice[11]
    with pytest.raises(DataError, match=r"1000\.png and 1 more: two enrolled embeddings are the same as 0010\.png's"):
        build_index(iter([twice[:600], twice[600:]]), names)
    with pytest.raises(DataError, match=r"0001\.png: the gallery holds this name twice"):
        build_index(gallery[:3], [names[0], names[1], names[1]])


def test_counts_and_widths_must_fit(gallery, names, probes):
    with pytest.raises(DataError, match="more vectors than names, found 3 names"):
        build_index(gallery, names[:3])
    with pytest.raises(DataError, match="one name a vector, found 3 vectors and 1,200 names"):
        build_index(gallery[:3], names)
    with pytest.raises(DataError, match="have one width, found 32 and 8"):
        build_index(iter([gallery[:5], gallery[5:9, :8]]), names[:9])
    with pytest.raises(DataError, match="gallery is empty"):
        build_index(gallery[:0], [])
    index = build_index(gallery, names)
    with pytest.raises(DataError, match="32 are enrolled, found 8"):
        index.search(probes[:, :8], 1)
    with pytest.raises(DataError, match="at least one, found 0"):
        index.search(probes, 0)
    with pytest.raises(DataError, match=r"p\.png: the probe embedding is zero"):
        index.search(np.zeros((1, DIMS)), 1, names=["p.png"])
    assert index.search(probes, 5000)[0].shape == (50, 1200)


def test_too_few_found_are_marked(gallery, names, probes):
    index = build_index(gallery, names, config("ivfpq", probed_lists=1))
    scores, rows = index.search(probes, 1200)
    missing = rows < 0
    assert missing.any()
    assert np.isneginf(scores[missing]).all()
    assert np.isfinite(scores[~missing]).all()


def test_settings_that_do_not_fit_are_refused(gallery, names):
    with pytest.raises(ConfigError, match="can't be cut into 5 equal parts"):
        build_index(gallery, names, config("ivfpq", code_bytes=5))
    with pytest.raises(ConfigError, match="torch searches flat galleries only"):
        build_index(gallery, names, config("hnsw"), "torch")
    with pytest.raises(ConfigError, match="on the CPU only"):
        build_index(gallery, names, config("hnsw"), device="cuda")
    with pytest.raises(DependencyError, match="finds no such GPU"):
        build_index(gallery, names, config("ivfpq"), device="cuda:99")


def test_without_faiss_flat_galleries_go_to_torch(gallery, names, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    assert build_index(gallery, names).engine.name == "torch"
    with pytest.raises(DependencyError, match="faiss-cpu"):
        build_index(gallery, names, config("hnsw"))
    with pytest.raises(DependencyError, match="faiss-cpu"):
        build_index(gallery, names, engine="faiss")


def test_lists_follow_the_gallery_and_the_training_vectors():
    assert inverted_lists(100_000, 1_000_000) == 100_000 // 39
    assert inverted_lists(1_000_000, 1_000_000) == 4000
    assert inverted_lists(10, 10) == 1


def test_recall_needs_an_exact_index_of_the_same_gallery(gallery, names, probes):
    exact = build_index(gallery, names)
    with pytest.raises(DataError, match="against a flat index, found flat16"):
        measure_search(build_index(gallery, names, config("flat16")), [], probes)
    with pytest.raises(DataError, match="different galleries"):
        measure_search(exact, [build_index(gallery[:9], names[:9])], probes)
    with pytest.raises(DataError, match="no probe"):
        measure_search(exact, [], probes[:0])
