"""Groups of the twin's people for 'pifr benchmark --by': bands of what the renderer knows in numbers or in many words.

    python benchmarks/twin_bands.py twin-study/manifest.parquet --lights 07,17 --out bands.parquet
    pifr benchmark --data bands.parquet --embedder RUN --by sex --by skin --by age --by wears_glasses --by facial_hair

The columns are the renderer's dials, not categories of mankind: ``skin`` is a band of its melanin, ``age`` of its
years.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pifr.core.commandline import failures_in_one_line
from pifr.data.manifest import Manifest, read_manifest

SKIN = {"light": 0.2, "medium": 0.5, "dark": np.inf}
"""Band -> the melanin below which it ends."""
AGE = {"18 to 29": 30.0, "30 to 49": 50.0, "50 and older": np.inf}


def add_bands(people: Manifest) -> Manifest:
    """Return the manifest with the columns ``skin``, ``age``, ``wears_glasses`` and ``facial_hair``.

    Facial hair is given for men alone: no woman of the twin has any, so women are a group of their own.

    Raises:
        DataError: If the manifest is not one of the twin.
    """
    people.require(["sex", "skin_melanin", "age_years", "glasses", "beard"])
    table = people.table
    bearded = np.where(table["beard"] == "shaved", "man, shaved", "man, stubble or beard")
    bands = {
        "skin": _band(table["skin_melanin"], SKIN), "age": _band(table["age_years"], AGE),
        "wears_glasses": np.where(table["glasses"] == "none", "no", "yes"),
        "facial_hair": np.where(table["sex"] == "female", "woman", bearded),
    }  # fmt: skip
    return replace(people, table=table.assign(**bands))


def _band(values: pd.Series, ends: dict[str, float]) -> np.ndarray:
    return np.array(list(ends))[np.searchsorted(list(ends.values()), values.to_numpy(float), side="right")]


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    made.add_argument("manifest", type=Path)
    made.add_argument("--lights", help="lights kept, with commas; all where absent")
    made.add_argument("--out", type=Path, required=True, help="new manifest, .csv or .parquet")
    return made


if __name__ == "__main__":
    options = parser().parse_args()
    with failures_in_one_line():
        data = read_manifest(options.manifest)
        if options.lights:
            data.require(["illumination"])
            data = data.select(data.table["illumination"].isin(options.lights.split(",")))
        banded = add_bands(data).save(options.out)
        people = banded.table.drop_duplicates("subject")
        for column in ("sex", "skin", "age", "wears_glasses", "facial_hair"):
            print(column, people[column].value_counts().sort_index().to_dict())
