"""What each pathway and loss is worth: it is taken out, and the generator trained again for as long, from equal seeds.

    python benchmarks/ablation.py RECIPE.yaml --data TEST.parquet --judge dlib --seeds 0,1 --out runs/ablation

RECIPE trains the full system; every other row changes it as ROWS says and nothing else. TEST holds people who are not
in it. benchmarks/ablation.yaml is a recipe for one processor core. A grid that was stopped goes on where it was, in
mid-training too; a cell whose recipe, pictures, watching recogniser, start weights, judges, people or source differ
from before is done anew. After each row OUT/ablation.md and OUT/ablation.json are written anew: means over the seeds,
with their range where there are several.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipgan import Rotator, TrainConfig, train
from ipgan.stored import read_stored
from pifr.backbones import load_backbone
from pifr.chain.stages import StageBook
from pifr.core.commandline import failures_in_one_line
from pifr.core.config import check_config, load_config
from pifr.core.environment import environment_record
from pifr.core.errors import ConfigError, near_names
from pifr.core.files import read_json, sha256_of_file, write_json, write_text
from pifr.core.interrupt import same_command_goes_on
from pifr.core.progress import say
from pifr.core.runs import unfinished_run
from pifr.data.manifest import Manifest, read_manifest
from pifr.fidelity import evaluate_generator
from pifr.recognition import load_embedder

ROWS: dict[str, dict[str, Any]] = {
    "full": {},
    "no generation path": {"pairs": {"generation": 0}},
    "no transformation across people": {"pairs": {"same_sitting": 0.95, "same_picture": 0.05}},
    "no adversary": {"losses": {"adversarial": 0}},
    "no paired loss": {"losses": {"paired": 0, "drawn": 0, "carried": 0}},
    "no appearance flow": {"model": {"appearance_flow": False}},
    "flow without a loss of its own": {"losses": {"carried": 0}},
    "no registration": {"pairs": {"framing_tolerance": 0}},
    "no reconstruction": {"losses": {"reconstruction": 0}},
    "symmetric reconstruction": {"losses": {"reconstruction_other": 1.0}},
    "no identity recovery": {"losses": {"identity_cosine": 0}},
    "no identity features": {"losses": {"identity_feature": 0, "recognizer_feature": 0}},
    "no recogniser": {"losses": {"recognizer_cosine": 0, "recognizer_feature": 0}},
    "no margin loss": {"losses": {"identity_margin": 0}},
    "no pose recovery": {"losses": {"pose_recovery": 0}},
    "no KL": {"losses": {"kl": 0}},
    "no yaw labels": {"data": {"use_yaw": False}},
    "no settled stage": {"settle_steps": 0},
    "no new people by warping": {"augmentation": {"identity_warp_share": 0}},
    "no differentiable augmentation": {"augmentation": {"discriminator": []}},
}
"""Row -> what it changes in the recipe."""


def merged(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Lay changes over a recipe, section by section."""
    both = dict(recipe)
    for key, value in changes.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) else value
    return both


def teachers(recipe: TrainConfig, learned: Manifest) -> dict[str, Any]:
    """Return what decides a training: the recipe, and what its paths hold now.

    Args:
        recipe: Of the training.
        learned: The pictures that it names.
    """
    taught = {"recipe": recipe.model_dump(mode="json"), "learned from": learned.fingerprint()}
    if recipe.data.unlabelled is not None:
        taught["unlabelled"] = read_manifest(recipe.data.unlabelled).fingerprint()
    if recipe.identity.recognizer is not None:
        taught["recogniser"] = sha256_of_file(load_backbone(recipe.identity.recognizer).checkpoint.weights_path)
    if recipe.start_from is not None:
        taught["start"] = read_stored(recipe.start_from).sha256
    return taught


def trained(recipe: TrainConfig, runs: Path, device: str) -> Path:
    """Train a recipe, or go on with it, and return its run folder."""
    return train(recipe, runs, unfinished_run(runs, recipe), device).run.path


def headline(figures: dict[str, Any]) -> dict[str, float]:
    """Pick one number each from what ``ipgan evaluate --json`` writes; rank-1 is the mean share over 45 to 90."""
    numbers = {}
    for judge, by_yaw in figures["rank1_percent_of_true_view_by_abs_yaw"].items():
        shares = [found["value"] for yaw, found in by_yaw.items() if yaw != "all" and 45 <= float(yaw) <= 90]
        numbers[f"{judge}: rank-1, % of true views', 45-90"] = statistics.fmean(s for s in shares if s is not None)
    numbers["yaw error, degrees"] = figures["yaw_mae_degrees"]["value"]
    numbers["L1"] = figures["pixels_by_abs_yaw"]["l1"]["all"]["value"]
    numbers["SSIM"] = figures["pixels_by_abs_yaw"]["ssim"]["all"]["value"]
    for probe in ("yaw_from_identity_percent", "person_from_pose_percent"):
        numbers[f"leakage: {probe.removesuffix('_percent').replace('_', ' ')}, %"] = figures["leakage"][probe]["value"]
    return numbers


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return a Markdown table of row -> seed -> figures: the mean, and the range where there are several seeds."""
    columns = list(next(iter(next(iter(results.values())).values())))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row, seeds in results.items():
        cells = []
        for column in columns:
            values = [found[column] for found in seeds.values()]
            spread = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
            cells.append(f"{statistics.fmean(values):.3g}{spread}")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("recipe")
    made.add_argument("--data", type=Path, required=True, help="manifest of people who are not in the recipe's")
    made.add_argument("--split", help="measure people of this split only")
    made.add_argument("--people", type=int, help="measure the first this many people")
    made.add_argument("--judge", action="append", default=[], help="embedder that took no part; repeatable")
    made.add_argument("--source", action="append", default=[], help="COLUMN=VALUE that sources must have")
    made.add_argument("--rows", help="names with commas between; by default all")
    made.add_argument("--seeds", default="0")
    made.add_argument("--set", action="append", default=[], help="change the recipe of all rows, KEY=VALUE")
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--device", default="auto")
    return made


class Cells:
    """The cells of a grid, measured on the same people by the same judges.

    Args:
        options: The command line.
        data: The people of the test.
    """

    def __init__(self, options: argparse.Namespace, data: Manifest) -> None:
        self.options, self.data, self.fingerprint = options, data, data.fingerprint()
        self.judges = [load_embedder(name, options.device) for name in options.judge]
        self.source = wanted_source(options.source)

    def figures(self, cell: TrainConfig, folder: Path) -> dict[str, Any]:
        """Return a cell's figures: those in its folder, where nothing that decides them differs, or new ones."""
        learned = read_manifest(cell.data.manifest)
        training = teachers(cell, learned)
        claim = training | {
            "data": self.fingerprint, "judges": {judge.name: judge.sha256 for judge in self.judges},
            "people": self.options.people, "source": self.source,
        }  # fmt: skip
        path, described = folder / "figures.json", folder / "cell.json"
        if not path.exists() or not described.exists() or read_json(described) != claim:
            described.unlink(missing_ok=True)
            runs = folder / "runs" / StageBook.key_of(training)  # what others taught is not gone on with
            self._measure(trained(cell, runs, self.options.device), learned, path)
            write_json(described, claim)
        found: dict[str, Any] = read_json(path)
        return found

    def _measure(self, run: Path, learned: Manifest, path: Path) -> None:
        device = self.options.device
        rotator = Rotator.load(run, device)
        if rotator.pose_map is None:
            from ipgan.calibration import calibrate

            calibrate(rotator, learned, device)
        evaluate_generator(
            rotator, self.data, self.judges, people=self.options.people, source=self.source, device=device
        ).save(path)


def chosen_rows(names: str | None) -> list[str]:
    """Return the rows that are named with commas between; all if none is.

    Raises:
        ConfigError: If there is no such row.
    """
    wanted = names.split(",") if names else list(ROWS)
    for name in wanted:
        if name not in ROWS:
            raise ConfigError("there is no such row", where="--rows", found=repr(name), cure=near_names(name, ROWS))
    return wanted


def wanted_source(conditions: Sequence[str]) -> dict[str, str]:
    """Return what sources must have, column by column.

    Raises:
        ConfigError: If a condition has no value.
    """
    for text in conditions:
        if "=" not in text:
            raise ConfigError(
                "a column and a value are wanted", where="--source", found=repr(text), cure="write COLUMN=VALUE"
            )
    return dict(text.split("=", 1) for text in conditions)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure every row."""
    options = parser().parse_args(arguments)
    with same_command_goes_on(options.out):
        run_grid(options)


def run_grid(options: argparse.Namespace) -> None:
    """Train and measure what a command line asks for, row by row."""
    recipe = load_config(TrainConfig, options.recipe, options.set).model_dump(mode="json")
    wanted = chosen_rows(options.rows)
    data = read_manifest(options.data)
    cells = Cells(options, data.of_split(options.split) if options.split else data)
    results: dict[str, dict[str, dict[str, float]]] = {}
    for seed in options.seeds.split(","):
        for row in wanted:
            say(f"{row}, seed {seed}")
            cell = check_config(TrainConfig, merged(recipe, ROWS[row]) | {"seed": int(seed)}, row)
            figures = cells.figures(cell, options.out / f"{row.replace(' ', '-')}-{seed}")
            results.setdefault(row, {})[seed] = headline(figures)
            write_json(options.out / "ablation.json", {
                "recipe": recipe, "rows": results, "environment": environment_record(cells.fingerprint),
            })  # fmt: skip
            write_text(options.out / "ablation.md", table(results))
    print(table(results))


if __name__ == "__main__":
    with failures_in_one_line():
        main()
