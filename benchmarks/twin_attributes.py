"""Histograms of what the twin's people are like: age, sex, ancestry, skin, hair, glasses.

python benchmarks/twin_attributes.py --people 2000 --out docs/images/twin-attributes.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from pifr.core.progress import say, track
from pifr.twin.sitter import sitter

NUMBERS = {
    "age_years": "age, years", "skin_melanin": "skin melanin", "african": "African share", "asian": "Asian share",
    "caucasian": "Caucasian share", "weight": "weight, 0.5 is average",
}  # fmt: skip
WORDS = {"sex": "sex", "hair_style": "hair style", "hair_colour": "hair colour", "eye_colour": "eye colour",
         "beard": "beard", "glasses": "glasses"}  # fmt: skip


def attributes(seed: int, people: int) -> pd.DataFrame:
    """Return one row a person, as of the first neutral sitting."""
    rows = [
        sitter(seed, person, 1, "neutral", 0).attributes for person in track(range(1, people + 1), "people", people)
    ]
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw one small histogram an attribute."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(3, 4, figsize=(12, 9), layout="constrained")
    for axis, (column, label) in zip(axes.flat, (NUMBERS | WORDS).items(), strict=True):
        if column in NUMBERS:
            axis.hist(table[column], bins=20, color="#4a6fa5")
            axis.set_ylabel("people")
        else:
            shares = 100 * table[column].value_counts(normalize=True).sort_values()
            axis.barh(shares.index, shares, color="#4a6fa5")
            axis.set_xlabel("percent")
            axis.tick_params(axis="y", labelsize=7)
        axis.set_title(label, fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=80)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("--people", type=int, default=2000)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--out", type=Path, default=Path("docs/images/twin-attributes.png"))
    return made


def main() -> None:
    options = parser().parse_args()
    table = attributes(options.seed, options.people)
    draw(table, options.out)
    for column in NUMBERS:
        low, middle, high = np.quantile(table[column], [0.05, 0.5, 0.95])
        say(f"{column}: 5 % {low:.2f}, median {middle:.2f}, 95 % {high:.2f}")
    for column in WORDS:
        shares = 100 * table[column].value_counts(normalize=True)
        say(f"{column}: " + ", ".join(f"{name} {share:.0f} %" for name, share in shares.items()))


if __name__ == "__main__":
    main()
