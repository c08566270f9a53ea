"""Galleries on disk and in memory: recall, time beside FAISS's bare call, and the peak of memory.

    python benchmarks/retrieval.py --enrolled 1000000 --kinds flat ivfpq flat16 --probes 1000
    python benchmarks/retrieval.py --enrolled 50000 --kinds flat flat16 hnsw ivfpq torch

Each index is built from blocks in a process of its own, since the peak of memory can only be read for a whole
process. The vectors are those of people with ten templates each: a seeded random centre plus noise, cosine 0.6.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Iterator

import numpy as np

BLOCK, TEMPLATES, NOISE, PART = 10_000, 10, 0.8, 500


def block_of(number: int, dims: int, again: bool = False) -> np.ndarray:
    """Ten thousand templates of a thousand people; with ``again`` another picture of each."""
    centres = np.random.default_rng(number).standard_normal((BLOCK // TEMPLATES, dims), dtype=np.float32)
    noise = np.random.default_rng([number, int(again) + 1])
    return np.repeat(centres, TEMPLATES, 0) + NOISE * noise.standard_normal((BLOCK, dims), dtype=np.float32)


def gallery(enrolled: int, dims: int) -> Iterator[np.ndarray]:
    return (block_of(number, dims) for number in range(enrolled // BLOCK))


def probes_of(count: int, enrolled: int, dims: int) -> np.ndarray:
    blocks = enrolled // BLOCK
    share = -(-count // min(blocks, 10))
    chosen = np.linspace(0, blocks - 1, min(blocks, 10)).astype(int)
    return np.concatenate([block_of(n, dims, again=True)[:: BLOCK // share][:share] for n in chosen])[:count]


def measured(kind: str, arguments: argparse.Namespace, answer) -> None:
    from pifr.evaluation.index import IndexConfig, build_index

    lists = {} if arguments.lists is None else {"lists": arguments.lists, "train_vectors": 40 * arguments.lists}
    config = IndexConfig(kind="flat" if kind == "torch" else kind, **lists)
    names = [str(row) for row in range(arguments.enrolled)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    index = build_index(
        gallery(arguments.enrolled, arguments.dims), names, config, "torch" if kind == "torch" else "faiss"
    )
    probes = probes_of(arguments.probes, arguments.enrolled, arguments.dims)
    units = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    # Turn by turn, part by part, and in processor time: other work on the machine then hits both alike.
    seconds, ours, bare, found = 0.0, 0.0, 0.0, []
    for first in range(0, len(probes), PART):
        part = slice(first, first + PART)
        start, cpu = time.perf_counter(), time.process_time()
        found.append(index.search(probes[part], 10)[1])
        seconds, ours = seconds + time.perf_counter() - start, ours + time.process_time() - cpu
        if kind != "torch":
            cpu = time.process_time()
            index.engine._searched.search(units[part], 10)
            bare += time.process_time() - cpu
    rows = np.concatenate(found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer.put({
        "rows": rows, "build": index.record.seconds, "search": seconds, "ratio": ours / bare if bare else float("nan"),
        "index MiB": index.record.bytes / 2**20, "peak MiB": peak / 1024, "before MiB": before / 1024,
    })  # fmt: skip


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser()
    made.add_argument("--enrolled", type=int, default=1_000_000)
    made.add_argument("--dims", type=int, default=512)
    made.add_argument("--probes", type=int, default=1000)
    made.add_argument("--lists", type=int, help="Inverted lists of ivfpq; fewer are quicker to learn.")
    made.add_argument("--kinds", nargs="+", default=["flat", "ivfpq"])
    return made


def main() -> None:
    arguments = parser().parse_args()
    context = multiprocessing.get_context("spawn")
    truth = None
    for kind in arguments.kinds:
        answer = context.Queue()
        process = context.Process(target=measured, args=(kind, arguments, answer))
        process.start()
        found = answer.get()
        process.join()
        truth = found["rows"] if truth is None else truth
        recall = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found["rows"], truth, strict=True)]) / 10
        milliseconds, ratio = 1000 * found["search"] / arguments.probes, found["ratio"]
        same = np.mean(found["rows"][:, 0] == truth[:, 0])
        person = np.mean(found["rows"][:, 0] // TEMPLATES == truth[:, 0] // TEMPLATES)
        print(f"{kind}: build {found['build']:.1f} s, index {found['index MiB']:.0f} MiB")
        print(f"  search {milliseconds:.3f} ms a probe, {ratio:.3f} x the processor time of bare FAISS")
        print(f"  recall@10 {100 * recall:.2f} %, same first template {100 * same:.2f} %, person {100 * person:.2f} %")
        print(f"  peak of the process {found['peak MiB']:.0f} MiB, {found['before MiB']:.0f} before", flush=True)


if __name__ == "__main__":
    main()
