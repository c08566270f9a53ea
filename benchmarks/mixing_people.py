"""The people of benchmarks/mixing.py, drawn as the study draws its own: A chooses the checkpoint, B trains, C tests.

    python benchmarks/mixing_people.py TWIN/manifest.parquet --people 10 110 80 --out MIXING

Writes people.parquet (splits train, val and test) and frontal.parquet (the training people's frontal pictures, which
views are made of) into --out. Training and validation are in the first sitting's lights, the test in others of another.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.study.people import Parts, draw_people, split_people
from benchmarks.study.pool import ManifestPool
from benchmarks.study.settings import StudySettings
from pifr.core.commandline import failures_in_one_line
from pifr.core.config import check_config
from pifr.data.manifest import Manifest, concatenate, make_manifest


def in_splits(parts: Parts) -> Manifest:
    """Return everybody's pictures in one manifest with the column ``split``."""
    named = {"val": parts.teachers, "train": parts.singles, "test": parts.test}
    return concatenate(
        [make_manifest(part.table.assign(split=split), part.folder, split) for split, part in named.items()]
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("twin", help="manifest with yaw, session and illumination")
    made.add_argument("--people", type=int, nargs=3, default=(10, 110, 80), help="of val, train and test")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--out", type=Path, required=True)
    return made


def main() -> None:
    options = parser().parse_args()
    settings = check_config(StudySettings, {"twin": options.twin, "people": tuple(options.people)}, "mixing")
    pool = ManifestPool(settings)
    drawn = draw_people(pool.trainable(), pool.testable(), settings.people, options.seed)
    parts = split_people(pool.pictures(drawn), drawn, settings.train_lights, settings.test_lights)
    people = in_splits(parts)
    people.save(options.out / "people.parquet")
    parts.frontal_singles().save(options.out / "frontal.parquet")
    print(people.table.groupby("split")["subject"].agg(["nunique", "size"]).to_string())


if __name__ == "__main__":
    with failures_in_one_line():
        main()
