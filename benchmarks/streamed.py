"""Figures from streamed scores beside those from a table of all scores: memory, processor time, and whether they agree.

    python benchmarks/streamed.py --people 1000 --pictures 10

Both ways start from the same embeddings, in a process of their own, since the peak of memory can only be read for a
whole process. Memory is counted above what the process held before (embeddings and libraries).
"""

import argparse
import multiprocessing
import resource
import time
from typing import Any

import numpy as np
import pandas as pd

DIMS = 128


def protocol(people: int, pictures: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, each of a person at another yaw, their embeddings, the probes, and what is enrolled: the middle one."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(people), pictures)
    yaw = np.tile(np.linspace(-90, 90, pictures).round(), people)
    code = rng.normal(size=(people, DIMS)).astype(np.float32)
    noise = rng.standard_normal((len(person), DIMS), dtype=np.float32)
    vectors = code[person] + noise * (0.9 + np.abs(yaw)[:, None].astype(np.float32) / 120)
    table = pd.DataFrame({"subject": [f"{each:06d}" for each in person], "yaw": yaw})
    table.insert(0, "path", [f"{row}.png" for row in range(len(table))])
    enrolled = np.flatnonzero(np.arange(len(person)) % pictures == pictures // 2)
    return table, vectors, np.setdiff1d(np.arange(len(person)), enrolled), enrolled


def held(people: int, pictures: int, rounds: int) -> dict[str, Any]:
    from pifr.evaluation.measure import Measure
    from pifr.evaluation.measuring import measure_scores
    from pifr.evaluation.retrieval import unit_vectors
    from pifr.evaluation.scores import ScoreTable

    table, vectors, probes, enrolled = protocol(people, pictures)
    before = peak()
    start = time.process_time()
    units = unit_vectors(vectors)
    scores = (units[probes] @ units[enrolled].T).ravel()
    first, second = np.repeat(probes, len(enrolled)), np.tile(enrolled, len(probes))
    scored = ScoreTable(
        table, first.astype(np.int32), second.astype(np.int32), np.ones(len(first), bool), {"system": scores}
    )
    found = measure_scores(scored, {}, measure=Measure(rounds=rounds))
    return said(found, time.process_time() - start, peak() - before, len(scored))


def streamed(people: int, pictures: int, rounds: int) -> dict[str, Any]:
    from pifr.evaluation.blocks import EmbeddedBlocks, OneSearch
    from pifr.evaluation.measure import Measure
    from pifr.evaluation.measuring import measure_stream
    from pifr.evaluation.scoring import Embedded

    table, vectors, probes, enrolled = protocol(people, pictures)
    before = peak()
    start = time.process_time()
    both = Embedded(vectors, np.zeros(len(vectors), bool))
    source = EmbeddedBlocks(OneSearch(table, [(probes, enrolled)]), {"system": (both, both)})
    found = measure_stream(source, {}, measure=Measure(rounds=rounds))
    return said(found, time.process_time() - start, peak() - before, len(source))


def said(found: Any, seconds: float, mib: float, comparisons: int) -> dict[str, Any]:
    system = found.to_dict()["systems"][0]
    tar = next(each["tar_percent"] for each in system["tar_at_far"] if each["far"] == 1e-4)
    figures = {name: system[name] for name in ("rank1_percent", "eer_percent", "eer_interval", "auc_percent")}
    return {"comparisons": comparisons, "seconds": seconds, "MiB": mib, **figures, "tar at 1e-4": tar}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def answer_with(job: Any, arguments: tuple[int, int, int], answer: Any) -> None:
    answer.put(job(*arguments))


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--people", type=int, default=1000)
    made.add_argument("--pictures", type=int, default=10)
    made.add_argument("--rounds", type=int, default=200)
    made.add_argument("--streamed-only", action="store_true", help="where the table would not fit")
    return made


def main() -> None:
    options = parser().parse_args()
    context = multiprocessing.get_context("spawn")
    found = {}
    for job in (streamed,) if options.streamed_only else (streamed, held):
        answer = context.Queue()
        arguments = (options.people, options.pictures, options.rounds)
        process = context.Process(target=answer_with, args=(job, arguments, answer))
        process.start()
        found[job.__name__] = answer.get()
        process.join()
        print(f"{job.__name__:>9}: " + ", ".join(f"{key} {_text(value)}" for key, value in found[job.__name__].items()))
    if len(found) == 2:
        one, other = found["streamed"], found["held"]
        print(
            f"streamed / held: {one['MiB'] / other['MiB']:.2f} of the memory, "
            f"{one['seconds'] / other['seconds']:.2f} of the time; "
            f"held {1024**2 * other['MiB'] / other['comparisons']:.0f} bytes a comparison"
        )


def _text(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
