"""Frontalised probes: what the embedder sees, what is enrolled, and what a result says of it."""

from __future__ import annotations

import numpy as np
import pytest

from pifr.augment.frontalise import FrontalisedEmbedder
from pifr.core.errors import ConfigError, DataError
from pifr.data.manifest import Manifest
from pifr.data.pictures import read_picture
from pifr.data.spec import InputSpec
from pifr.evaluation import Measure, evaluate
from pifr.recognition.embedding_cache import EmbeddingCache, embedding_keys

QUICK = Measure(rounds=10)


class Mirror:
    """A stand-in generator: the frontal view of a face is its mirror image."""

    name, sha256, yaw_range_degrees = "mirror", "d" * 64, (-90.0, 90.0)

    def __init__(self, size_px: int = 64, template: str = "unaligned") -> None:
        self.spec, self.turned = InputSpec(size_px=size_px, template=template), 0

    def poses_for_yaws(self, yaws: list[float]) -> np.ndarray:
        return np.zeros((len(yaws), 1))

    def yaws(self, pixels: np.ndarray) -> np.ndarray:
        return np.full(len(pixels), 60.0)  # all are seen from the side

    def rotate(self, pixels: np.ndarray, yaws: list[float]) -> np.ndarray:
        assert list(yaws) == [0.0]
        self.turned += len(pixels)
        return pixels[:, None, :, ::-1]


class Grid:
    """Pixels on a coarse grid; remembers what it saw."""

    name, sha256 = "grid", "e" * 64

    def __init__(self, size_px: int = 64) -> None:
        self.spec, self.seen = InputSpec(size_px=size_px), []

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        self.seen.append(pixels.copy())
        grid = pixels[:, 4::8, 4::8].astype(np.float32).reshape(len(pixels), -1)
        return grid - grid.mean(axis=1, keepdims=True)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def test_the_embedder_sees_what_the_generator_drew(pixels):
    inner = Grid()
    vectors = FrontalisedEmbedder(inner, Mirror())(pixels)
    np.testing.assert_array_equal(inner.seen[0], pixels[:, :, ::-1])
    np.testing.assert_array_equal(vectors, Grid()(pixels[:, :, ::-1]))


class SeesDegrees(Mirror):
    """Sees the pictures at the yaws it is told, and notes which it turns."""

    def __init__(self, *yaws_degrees: float, size_px: int = 64) -> None:
        super().__init__(size_px)
        self.yaws_degrees = np.array(yaws_degrees)

    def yaws(self, pixels):
        return self.yaws_degrees


def test_a_frontal_probe_is_left_as_it_is(pixels):
    inner, rotator = Grid(), SeesDegrees(-9.9, 10.0, -45.0)
    FrontalisedEmbedder(inner, rotator)(pixels)
    np.testing.assert_array_equal(inner.seen[0][0], pixels[0])
    np.testing.assert_array_equal(inner.seen[0][1:], pixels[1:, :, ::-1])
    assert rotator.turned == 2


@pytest.mark.parametrize(("from_degrees", "turned"), [(0, 3), (30, 1), (90, 0)])
def test_from_which_yaw_on_is_the_users_choice(pixels, from_degrees, turned):
    rotator = SeesDegrees(0.0, 20.0, -45.0)
    wrapped = FrontalisedEmbedder(Grid(), rotator, from_degrees)
    assert wrapped(pixels).shape == (3, 192)
    assert rotator.turned == turned
    assert wrapped.options["frontalised_from_degrees"] == from_degrees
    assert wrapped.sha256 != FrontalisedEmbedder(Grid(), rotator, 45).sha256
    with pytest.raises(ConfigError, match="from a yaw of 0 to 90 degrees on, found 91"):
        FrontalisedEmbedder(Grid(), rotator, 91)


def test_a_yaw_that_the_generator_never_sees_is_refused():
    rotator = Mirror()
    rotator.yaw_range_degrees = (-30.0, 45.0)
    FrontalisedEmbedder(Grid(), rotator, 45)
    with pytest.raises(ConfigError, match=r"^mirror: no probe would be turned: .*of -30 to 45 degrees.*46 degrees"):
        FrontalisedEmbedder(Grid(), rotator, 46)


def test_fused_is_the_sum_of_both_directions_where_a_probe_was_turned(pixels):
    plain, fused = Grid()(pixels), FrontalisedEmbedder(Grid(), SeesDegrees(0.0, 20.0, -45.0), fuse=True)
    vectors = fused(pixels)
    np.testing.assert_array_equal(vectors[0], plain[0])
    both = unit(unit(plain[1:]) + unit(Grid()(pixels[1:, :, ::-1])))
    # As long as the probe's own: in a sum with its mirror image's, a turned picture weighs what a frontal one does.
    np.testing.assert_allclose(vectors[1:], both * np.linalg.norm(plain[1:], axis=1, keepdims=True), rtol=1e-4)
    assert fused.name == "grid + frontalised by mirror and as it is"
    assert fused.options["frontalised_fused"]
    assert fused.sha256 != FrontalisedEmbedder(Grid(), Mirror()).sha256


def test_an_embedder_that_uses_its_array_again_is_not_written_into(pixels):
    kept = Grid()(pixels)
    kept.flags.writeable = False
    inner = Grid()
    wrapped = FrontalisedEmbedder(inner, SeesDegrees(0.0, 20.0, -45.0), fuse=True)
    wrapped.enrols_with = lambda given: kept[: len(given)]
    wrapped.enrols_with.spec = inner.spec
    np.testing.assert_array_equal(wrapped(pixels)[0], kept[0])


def test_a_frontal_probe_keeps_the_detail_that_a_smaller_generator_has_not(pixels):
    inner = Grid(size_px=64)
    wrapped = FrontalisedEmbedder(inner, SeesDegrees(0.0, 0.0, 45.0, size_px=32))
    assert wrapped.spec.size_px == 64
    wrapped(pixels)
    np.testing.assert_array_equal(inner.seen[0][:2], pixels[:2])
    assert inner.seen[0][2].shape == (64, 64, 3)


def test_each_gets_its_own_size(pixels):
    inner = Grid(size_px=32)
    wrapped = FrontalisedEmbedder(inner, Mirror(size_px=64))
    assert wrapped.spec.size_px == 64
    wrapped(pixels)
    assert inner.seen[0].shape == (3, 32, 32, 3)


def test_name_and_digest_say_both(pixels):
    wrapped = FrontalisedEmbedder(Grid(), Mirror())
    assert wrapped.name == "grid + frontalised by mirror"
    other = Mirror()
    other.sha256 = "f" * 64
    assert len({wrapped.sha256, FrontalisedEmbedder(Grid(), other).sha256, Grid.sha256, Mirror.sha256}) == 4
    assert embedding_keys(wrapped, pixels, False) != embedding_keys(Grid(), pixels, False)


def test_only_probes_are_turned_and_the_plain_score_stands_beside(rendered: Manifest, tmp_path):
    inner = Grid()
    wrapped = FrontalisedEmbedder(inner, Mirror())
    with EmbeddingCache(tmp_path) as cache:
        result = evaluate(rendered, [inner, wrapped], measure=QUICK, cache=cache)
        assert cache.hits == 84  # what is enrolled was embedded for the plain system already
    plain, turned = result.systems
    assert (plain.name, turned.name) == ("grid", "grid + frontalised by mirror")
    assert turned.record["frontalised_by"] == "mirror"
    assert "frontalised_by" not in plain.record
    table = result.scores
    paths = rendered.table["path"].tolist()
    pictures = np.stack([read_picture(path) for path in rendered.paths])
    turned_vectors, plain_vectors = unit(wrapped(pictures)), unit(Grid()(pictures))
    for chosen in (table.search, ~table.search):  # the sample across poses too is probe by reference
        first, second = (
            [paths.index(path) for path in table.pictures["path"].iloc[side[chosen][:300]]]
            for side in (table.probe, table.reference)
        )
        expected = np.einsum("nd,nd->n", turned_vectors[first], plain_vectors[second])
        np.testing.assert_allclose(table.scores[turned.name][chosen][:300], expected, atol=1e-5)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_people_of_either_are_refused(rendered: Manifest, tmp_path):
    here, elsewhere = frozenset([str(rendered.folder.resolve())]), frozenset([str(tmp_path)])
    inner, rotator = Grid(), Mirror()
    inner.training_people, inner.training_folders = frozenset(["001"]), elsewhere
    rotator.training_people, rotator.training_folders = frozenset(["002"]), here
    wrapped = FrontalisedEmbedder(inner, rotator)
    assert (wrapped.training_people, wrapped.training_folders) == ({"001", "002"}, here | elsewhere)
    with pytest.raises(DataError, match=r"mirror: the generator was trained on 1 of the 12 people .* found 002;"):
        evaluate(rendered, [wrapped], measure=QUICK)
    notes = evaluate(rendered, [wrapped], measure=QUICK, allow_training_people=True).protocol["notes"]
    assert notes == [
        "grid: 1 people of its training data, another set, are named as in the test",
        "mirror was trained on 1 of the 12 people of the test: 002",
    ]


def test_another_alignment_and_a_generator_without_degrees_are_refused():
    with pytest.raises(DataError, match=r"grid behind mirror: .*'arcface-112'"):
        FrontalisedEmbedder(Grid(), Mirror(template="arcface-112"))

    class Degreeless(Mirror):
        def poses_for_yaws(self, yaws):
            raise DataError("this generator knows no degrees")

    with pytest.raises(DataError, match="knows no degrees"):
        FrontalisedEmbedder(Grid(), Degreeless())


def test_a_generator_of_this_house_stands_before_an_embedder(model, rendered: Manifest):
    from ipgan import Rotator

    rotator, inner = Rotator.load(model, "cpu", "float32"), Grid()
    pixels = np.stack([read_picture(path) for path in rendered.paths[:3]])
    FrontalisedEmbedder(inner, rotator)(pixels)
    np.testing.assert_array_equal(inner.seen[0], rotator.rotate(pixels, [0.0])[:, 0])


def test_views_of_augment_are_what_preservation_takes(model, rendered: Manifest, tmp_path, kit):
    from ipgan import Rotator
    from pifr.augment import augment
    from pifr.data.manifest import read_manifest
    from pifr.evaluation import measure_preservation

    made = augment(rendered, Rotator.load(model, "cpu"), tmp_path / "views", kit.unchecked(yaws_degrees=(-45, 45)))
    found = measure_preservation(rendered, read_manifest(made.manifest_path), [Grid()], measure=QUICK).systems[0]
    assert (found.overall.views, found.overall.people) == (24, 12)
    assert list(found.by_yaw) == ["-45", "45"]
    assert found.overall.kept.value == 1  # without a threshold every view is accepted
    assert found.overall.cosine is not None
