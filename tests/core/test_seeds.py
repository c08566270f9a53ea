from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from pifr.core.seeds import derive_seed, numpy_generator, seed_step, torch_generator


@given(st.lists(st.integers() | st.text(), min_size=1))
def test_seeds_fit_every_generator(parts: list[int | str]) -> None:
    seed = derive_seed(*parts)
    assert 0 <= seed < 2**63
    assert seed == derive_seed(*parts)


def test_a_seed_never_changes_between_versions() -> None:
    # Written down once: results of old runs depend on it.
    assert derive_seed(7, "sampler", 12) == 3910319123589510837


def test_parts_are_kept_apart() -> None:
    assert len({derive_seed(1, 23), derive_seed(12, 3), derive_seed(123), derive_seed(3, 12)}) == 4


def test_generators_repeat() -> None:
    assert np.array_equal(numpy_generator(1, "a").random(3), numpy_generator(1, "a").random(3))
    assert not np.array_equal(numpy_generator(1, "a").random(3), numpy_generator(1, "b").random(3))
    draws = [torch.rand(3, generator=torch_generator(1, "a")) for _ in range(2)]
    assert torch.equal(*draws)


def test_a_step_draws_the_same_whatever_came_before() -> None:
    seed_step(0, 5)
    expected = torch.rand(2)
    torch.rand(100)
    seed_step(0, 5)
    assert torch.equal(torch.rand(2), expected)
    seed_step(0, 5, rank=1)
    assert not torch.equal(torch.rand(2), expected)
