import numpy as np
import pytest

from pifr.core.errors import DataError
from pifr.evaluation import verification, verification_of_all

RNG = np.random.default_rng(3)
SUBJECTS = np.repeat(np.arange(40), 6)
VECTORS = (RNG.normal(size=(40, 16))[SUBJECTS] + RNG.normal(size=(240, 16))).astype(np.float32)


@pytest.mark.parametrize("block", [7, 64, 1000])
def test_the_figures_are_those_of_the_whole_table_whatever_the_block(block):
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    first, second = np.triu_indices(len(units), 1)
    scores, mated = (units @ units.T)[first, second], SUBJECTS[first] == SUBJECTS[second]
    exact = verification(scores, mated).figures
    found = verification_of_all(VECTORS, SUBJECTS, block=block)
    assert (found.mated, found.nonmated) == (40 * 15, 240 * 239 // 2 - 600)
    assert found.equal_error_rate() == pytest.approx(exact.eer, abs=1e-3)
    for tar in exact.tar:
        streamed = found.tar_at_far(tar.far)
        assert streamed.too_few == tar.too_few
        if not tar.too_few:
            assert streamed.tar == pytest.approx(tar.tar, abs=1 / 600)


def test_subjects_and_vectors_must_be_as_many():
    with pytest.raises(DataError, match="found 3 and 240"):
        verification_of_all(VECTORS, [1, 2, 3])


def test_a_vector_without_direction_is_refused():
    with pytest.raises(DataError, match="is zero"):
        verification_of_all(np.zeros((3, 2)), [1, 1, 2])
