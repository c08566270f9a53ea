from __future__ import annotations

import numpy as np
import pytest

from pifr.augment import AcceptanceConfig, AugmentConfig
from pifr.augment.calibration import calibrate, threshold_at_fmr
from pifr.augment.leak import check_leaks
from pifr.augment.methods import FlipMethod
from pifr.augment.sources import find_candidates
from pifr.core.errors import DataError
from pifr.data.spec import InputSpec

SPEC = InputSpec(size_px=64)


class Pixels:
    """Tells people of noise apart by their pixels."""

    name, sha256, spec = "pixels", "2" * 64, SPEC

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return pixels[:, ::8, ::8].reshape(len(pixels), -1).astype(np.float32) - 127.5


class Blind(Pixels):
    name = "blind"

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return np.ones((len(pixels), 4), np.float32)


@pytest.fixture
def candidates(noisy):
    data = noisy([(f"p{number:02d}", 0.0) for number in range(20)])
    return find_candidates(data, FlipMethod(SPEC), AugmentConfig())


@pytest.mark.parametrize("fmr", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("count", [20, 57, 200])
def test_the_threshold_is_the_least_that_holds_the_rate(count: int, fmr: float) -> None:
    impostors = np.random.default_rng(count).choice(np.linspace(-1, 0.9, 60), count)  # with ties
    threshold = threshold_at_fmr(impostors, fmr, "judge")
    assert (impostors >= threshold).mean() <= fmr
    assert (impostors >= threshold - 1.1e-6).mean() > fmr


def test_too_few_impostors_are_said_with_the_number_that_would_do() -> None:
    with pytest.raises(DataError, match=r"judge: FMR 0\.001 needs at least 1,000 pairs .*found 190; give more people"):
        threshold_at_fmr(np.zeros(190), 1e-3, "judge")


def test_an_embedder_that_can_t_tell_the_sources_apart_is_one_line(candidates) -> None:
    with pytest.raises(DataError, match=r"blind: this embedder can't tell the sources apart: .* not reachable"):
        calibrate(candidates, Blind(), AcceptanceConfig(fmr=0.05), 1, 0)


def test_one_that_accepts_no_pair_of_one_person_is_refused_too(noisy) -> None:
    # Two pictures of a person are unrelated noise here, so mated pairs look like impostors.
    data = noisy([(f"p{number:02d}", yaw) for number in range(20) for yaw in (0.0, 3.0)])
    found = find_candidates(data, FlipMethod(SPEC), AugmentConfig())
    with pytest.raises(DataError, match="0 of 20 pairs of one person reach it"):
        calibrate(found, Pixels(), AcceptanceConfig(fmr=0.002), 1, 0)


def test_references_are_the_unit_means_of_the_used_sources(noisy) -> None:
    data = noisy([("a", 0.0), ("a", 7.0), ("b", 0.0)])
    found = find_candidates(data, FlipMethod(SPEC), AugmentConfig())
    calibration, references = calibrate(found, Pixels(), AcceptanceConfig(min_identity_cosine=0.3), 2, 0)
    vectors = Pixels()(found.open().images)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = vectors[:2].sum(axis=0)
    np.testing.assert_allclose(references.vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert (calibration.threshold, calibration.fmr, calibration.impostor_pairs) == (0.3, None, 2)


def test_a_person_of_the_test_set_is_refused_by_name_and_by_face(candidates, noisy) -> None:
    _, references = calibrate(candidates, Pixels(), AcceptanceConfig(min_identity_cosine=0.5), 1, 0)
    test = noisy([("p03", 0.0), ("alias", 0.0)])
    hidden = test.table.assign(path=["000.png", str(candidates.manifest.paths[7])])
    check, checked = check_leaks(candidates, type(test)(hidden, test.folder, "test.csv"), Pixels(), references, 0.05)
    assert check.by_name == ("p03",)
    assert check.by_embedding == {"p07": "alias"}
    assert check.expected_by_chance == pytest.approx(19 * (1 - 0.95**2))
    assert checked.test_subjects == ("alias", "p03")
    assert "p07 as alias" in "\n".join(check.lines())


def test_a_judge_that_embeds_no_test_picture_is_one_line(candidates, noisy) -> None:
    class Failing(Pixels):
        name = "failing"

        def __call__(self, pixels: np.ndarray) -> np.ndarray:
            return np.full((len(pixels), 64), np.nan, np.float32)

    _, references = calibrate(candidates, Pixels(), AcceptanceConfig(min_identity_cosine=0.5), 1, 0)
    with pytest.raises(DataError, match="failing embeds not one picture of the test manifest"):
        check_leaks(candidates, noisy([("alias", 0.0)]), Failing(), references, 0.05)


def test_without_a_judge_names_alone_are_checked(candidates, noisy) -> None:
    check, _ = check_leaks(candidates, noisy([("p03", 0.0)]), None, None, None)
    assert check.refused == {"p03"}


def test_when_everybody_is_a_test_person_nothing_is_generated(candidates) -> None:
    with pytest.raises(DataError, match=r"everybody is in the test manifest too.*--split"):
        check_leaks(candidates, candidates.manifest, None, None, None)
