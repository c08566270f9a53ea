"""Embedding a folder beside the bare forward pass on decoded pixels.

    python benchmarks/embedding.py FOLDER_IN_MULTI_PIE_LAYOUT 2000

The network is a LightCNN-9 of 256 numbers with random weights: time does not depend on their values.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from pifr.core.commandline import failures_in_one_line
from pifr.data.importers.multipie import import_multipie
from pifr.data.pixels import open_pixels
from pifr.data.spec import InputSpec
from pifr.recognition import create_backbone
from pifr.recognition.embedders import embed_manifest
from pifr.recognition.embedding_cache import EmbeddingCache
from pifr.recognition.trained import TrainedEmbedder

SIZE, BATCH = 64, 128


def timed(job) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main() -> None:
    import os

    data = import_multipie(Path(sys.argv[1])).manifest
    data = data.select(np.arange(len(data)) < int(sys.argv[2]))
    backbone = create_backbone("lightcnn9", SIZE, 256)
    embedder = TrainedEmbedder(backbone, InputSpec(size_px=SIZE, template=data.template), "x", "0" * 63 + "1",
                               torch.device("cpu"))  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PIFR_CACHE"] = folder
        cold = timed(lambda: embed_manifest(embedder, data, BATCH))
        pixels = np.array(open_pixels(data, SIZE).images)
        bare, warm = [], []
        for _ in range(3):  # turn by turn, so that other work on the machine hits both alike
            bare.append(timed(lambda: [embedder(pixels[i : i + BATCH]) for i in range(0, len(pixels), BATCH)]))
            warm.append(timed(lambda: embed_manifest(embedder, data, BATCH)))
        with EmbeddingCache() as cache:
            filling = timed(lambda: embed_manifest(embedder, data, BATCH, cache=cache))
        with EmbeddingCache() as cache:
            hits = timed(lambda: embed_manifest(embedder, data, BATCH, cache=cache))
    base = min(bare)
    print(f"{len(data):,} pictures of {SIZE} px, {torch.get_num_threads()} threads")
    print(f"bare forward pass on decoded pixels: {base:.2f} s ({1000 * base / len(data):.2f} ms a picture)")
    ways = {
        "decoded before": min(warm), "first time, decoding": cold, "filling the embedding cache": filling,
        "from the embedding cache": hits,
    }  # fmt: skip
    for name, seconds in ways.items():
        print(f"folder, {name}: {seconds:.2f} s, {seconds / base:.3f} x")


if __name__ == "__main__":
    with failures_in_one_line():
        main()
