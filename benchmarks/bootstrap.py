"""A thousand bootstrap rounds over a thousand people, beside drawing the rows of every round again.

    python benchmarks/bootstrap.py

Four pictures a person, everybody with everybody: eight million comparisons.
"""

import time

import numpy as np

from pifr.metrics import bootstrap_rate, bootstrap_verification, equal_error_rate, person_weights, tar_at_far

PEOPLE, PICTURES, ROUNDS, FARS = 1000, 4, 1000, (1e-2, 1e-3, 1e-4)


def main() -> None:
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(PEOPLE), PICTURES)
    one, other = np.triu_indices(len(person), 1)
    first, second = person[one], person[other]
    mated = first == second
    scores = (rng.standard_normal(len(first), dtype=np.float32) * 0.12 + 0.5 * mated).astype(np.float32)
    print(f"{len(scores):,} comparisons of {PEOPLE:,} people, {ROUNDS:,} rounds")

    start = time.perf_counter()
    weights = person_weights(PEOPLE, ROUNDS)
    found = bootstrap_verification(scores, mated, first, second, weights, FARS)
    ours = time.perf_counter() - start
    interval = f"[{found.eer.low:.5f}, {found.eer.high:.5f}]"
    print(f"EER and TAR at three rates, by weights a person: {ours:.1f} s; EER in {interval}")

    start = time.perf_counter()
    bootstrap_rate(rng.random(len(person)) < 0.9, person, weights)
    print(f"rank-1 of {len(person):,} probes: {time.perf_counter() - start:.3f} s")

    start = time.perf_counter()
    times = np.where(mated, weights[0][first], weights[0][first] * weights[0][second]).astype(int)
    drawn, same = np.repeat(scores, times), np.repeat(mated, times)
    eer = equal_error_rate(drawn[same], drawn[~same])
    for far in FARS:
        tar_at_far(drawn[same], drawn[~same], far)
    one_round = time.perf_counter() - start
    print(f"one round by drawing rows: {one_round:.2f} s (EER {eer:.5f}, by weights {found.eer.rounds[0]:.5f})")
    print(f"{ROUNDS * one_round / ours:.0f} x faster than {ROUNDS:,} such rounds")


if __name__ == "__main__":
    main()
