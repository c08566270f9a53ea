"""Pictures read from a record file and from shards, beside the same JPEGs as files of their own; one run, one thread.

    python benchmarks/records.py --pictures 20000
    python benchmarks/records.py --pictures 2000000 --heads-only

Prints for each the pictures read, and read and decoded, a processor second (median of the rounds, least and most), and
the ratio to files. Everything is in the page cache, so this is the cost of the reader and not of the disk.
``--heads-only`` times the import of a pack's labels with and without its index instead, in processor seconds; its
pictures are 40 bytes of nothing.
"""

import argparse
import io
import statistics
import struct
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from pifr.data.containers import member_of, read_member
from pifr.data.importers.records import import_records
from pifr.data.importers.shards import import_shards
from pifr.data.pictures import read_picture

PEOPLE, KINDS = 100, ("files", "records", "shards")


def jpegs(count: int, size_px: int) -> list[bytes]:
    """Smooth colours with some noise, about as large as aligned faces of this size."""
    made = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        small = Image.fromarray(random.integers(40, 220, (9, 9, 3), dtype=np.uint8)).resize((size_px, size_px), 3)
        noisy = (np.asarray(small) + random.normal(0, 6, (size_px, size_px, 3))).clip(0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noisy).save(stream, "jpeg", quality=90)
        made.append(stream.getvalue())
    return made


def write_pack(folder: Path, pictures: list[bytes]) -> None:
    offset = 0
    with open(folder / "train.rec", "wb") as records, open(folder / "train.idx", "w") as index:
        for key, data in enumerate(pictures):
            body = struct.pack("<IfQQ", 0, key % PEOPLE, key, 0) + data
            index.write(f"{key}\t{offset}\n")
            offset += records.write(struct.pack("<II", 0xCED7230A, len(body)) + body + b"\0" * (-len(body) % 4))


def write_shards(folder: Path, pictures: list[bytes]) -> None:
    for first in range(0, len(pictures), 5000):
        with tarfile.open(folder / f"shard-{first // 5000:06d}.tar", "w") as archive:
            for key, data in enumerate(pictures[first : first + 5000], first):
                for ending, content in (("cls", str(key % PEOPLE).encode()), ("jpg", data)):
                    info = tarfile.TarInfo(f"{key:08d}.{ending}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))


def per_second(paths: list[Path], decode: bool) -> float:
    begin = time.process_time()
    for path in paths:
        if decode:
            read_picture(path)
        elif member := member_of(path):
            read_member(member)
        else:
            path.read_bytes()
    return len(paths) / (time.process_time() - begin)


def compare(folder: Path, count: int, size_px: int, rounds: int) -> None:
    pictures = jpegs(200, size_px)
    pictures = [pictures[key % len(pictures)] for key in range(count)]
    for key, data in enumerate(pictures):
        path = folder / f"{key % PEOPLE}" / f"{key:08d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    write_pack(folder, pictures)
    write_shards(folder, pictures)
    order = np.random.default_rng(0).permutation(count)[:10_000]
    found = {
        "files": sorted(folder.glob("*/*.jpg"), key=lambda path: path.name),
        "records": import_records(folder).manifest.paths,
        "shards": import_shards(folder).manifest.paths,
    }
    print(f"{count} JPEGs of {size_px} px, {np.mean([len(data) for data in pictures]):.0f} bytes on average; "
          f"{len(order)} read in random order, {rounds} rounds")  # fmt: skip
    for decode in (False, True):
        speeds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):  # in turn, so that a busy machine slows all alike
            for kind in KINDS:
                speeds[kind].append(per_second([found[kind][row] for row in order], decode))
        for kind in KINDS:
            ratios = [mine / files for mine, files in zip(speeds[kind], speeds["files"], strict=True)]
            low, middle, high = min(speeds[kind]), statistics.median(speeds[kind]), max(speeds[kind])
            print(f"{'decoded' if decode else 'bytes':8} {kind:8} {middle:9,.0f} a processor second "
                  f"({low:,.0f} to {high:,.0f}), ratio {statistics.median(ratios):.2f} "
                  f"({min(ratios):.2f} to {max(ratios):.2f})")  # fmt: skip


def time_heads(folder: Path, count: int) -> None:
    write_pack(folder, [b"\xff\xd8" + b"\0" * 38] * count)
    for what in ("with its index", "by a scan"):
        begin = time.process_time()
        manifest = import_records(folder).manifest
        print(f"{len(manifest):,} records {what}: {time.process_time() - begin:.1f} processor seconds")
        (folder / "train.idx").unlink(missing_ok=True)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--pictures", type=int, default=20_000)
    made.add_argument("--size-px", type=int, default=112)
    made.add_argument("--rounds", type=int, default=5)
    made.add_argument("--heads-only", action="store_true")
    return made


if __name__ == "__main__":
    arguments = parser().parse_args()
    with tempfile.TemporaryDirectory() as name:
        if arguments.heads_only:
            time_heads(Path(name), arguments.pictures)
        else:
            compare(Path(name), arguments.pictures, arguments.size_px, arguments.rounds)
