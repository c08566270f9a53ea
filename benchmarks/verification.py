"""Verification figures of many scores: ours, in one pass and streaming, beside scikit-learn's roc_curve.

    python benchmarks/verification.py 100000000

Each way runs in a process of its own, since the peak of memory can only be read for a whole process.
"""

import multiprocessing
import resource
import sys
import time

import numpy as np

BLOCK = 1_000_000


def block_of(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores as a run would meet them: one in a hundred is mated."""
    rng = np.random.default_rng(number)
    mated = rng.random(BLOCK) < 0.01
    scores = rng.standard_normal(BLOCK, dtype=np.float32) * np.float32(0.12)
    scores[mated] += np.float32(0.5)
    return np.clip(scores, -1, 1), mated


def streaming(blocks: int) -> dict[str, float]:
    from pifr.metrics.streaming import StreamingScores

    found = StreamingScores()
    seconds = 0.0
    for number in range(blocks):
        scores, mated = block_of(number)
        start = time.perf_counter()
        found.add(scores, mated)
        seconds += time.perf_counter() - start
    start = time.perf_counter()
    figures = {"eer": found.equal_error_rate(), "tar at 1e-5": found.tar_at_far(1e-5).tar}
    return {"seconds": seconds + time.perf_counter() - start, **figures}


def scikit_learn(blocks: int) -> dict[str, float]:
    from sklearn.metrics import roc_curve

    scores, mated = (np.concatenate(side) for side in zip(*map(block_of, range(blocks)), strict=True))
    start = time.perf_counter()
    fpr, tpr, _ = roc_curve(mated, scores, drop_intermediate=False)
    gap = np.argmin(np.abs(1 - tpr - fpr))
    figures = {"eer": (1 - tpr[gap] + fpr[gap]) / 2, "tar at 1e-5": tpr[np.searchsorted(fpr, 1e-5, "right") - 1]}
    return {"seconds": time.perf_counter() - start, **figures}


def measured(job, blocks: int, answer) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = job(blocks)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    answer.put({**found, "MiB": peak / 1024})


def main() -> None:
    blocks = int(float(sys.argv[1] if len(sys.argv) > 1 else 1e7)) // BLOCK
    context = multiprocessing.get_context("spawn")
    found = {}
    for job in (streaming, scikit_learn):
        answer = context.Queue()
        process = context.Process(target=measured, args=(job, blocks, answer))
        process.start()
        found[job.__name__] = answer.get()
        process.join()
        print(f"{job.__name__:>14}: " + ", ".join(f"{key} {value:.6g}" for key, value in found[job.__name__].items()))
    ours, theirs = found["streaming"], found["scikit_learn"]
    print(f"{theirs['seconds'] / ours['seconds']:.1f} x faster, {theirs['MiB'] / ours['MiB']:.1f} x less memory")


if __name__ == "__main__":
    main()
