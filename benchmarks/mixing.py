"""How real and generated pictures should be mixed: one recogniser for each way, measured on people of the test split.

    python benchmarks/mixing.py PEOPLE.parquet --views VIEWS/manifest.csv --generator RUN --out runs/mixing

PEOPLE has the splits train, val and test; benchmarks/mixing_people.py makes one. The real pictures to learn from are
those turned by --max-real-yaw at most: what generated views are to make up for is the rest. A grid that was stopped
goes on where it was; a finished recogniser is never trained again. The table, mean and range over seeds, is written to
OUT/mixing.md after each recogniser.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pifr.core.checkpoint import list_checkpoints
from pifr.core.commandline import failures_in_one_line
from pifr.core.config import check_config, load_config
from pifr.core.files import read_json, write_json, write_text
from pifr.core.interrupt import same_command_goes_on
from pifr.core.progress import say
from pifr.core.runs import RunFolder
from pifr.data.manifest import Manifest, read_manifest
from pifr.recognition.config import RecognizerConfig
from pifr.recognition.embedders import embed_manifest, load_embedder
from pifr.recognition.training import train_recognizer
from pifr.recognition.validation import validation_figures

DISK = {"extra": True}
FLY = {"on_the_fly": {}}
GRID: dict[str, dict] = {
    "real alone": {},
    "disk, share 0.25": {**DISK, "batch": {"generated_share": 0.25}},
    "disk, share 0.5": {**DISK, "batch": {"generated_share": 0.5}},
    "disk, share 0.75": {**DISK, "batch": {"generated_share": 0.75}},
    "disk, weight 0.5": {**DISK, "mixing": {"generated_weight": 0.5}},
    "disk, weight 0.25": {**DISK, "mixing": {"generated_weight": 0.25}},
    "disk, own statistics": {**DISK, "mixing": {"separate_statistics": True}},
    "disk, curriculum 0.5": {**DISK, "mixing": {"curriculum_share": 0.5}},
    "disk, own statistics and curriculum": {
        **DISK, "mixing": {"separate_statistics": True, "curriculum_share": 0.5},
    },
    "on the fly, share 0.25": {**FLY, "batch": {"generated_share": 0.25}},
    "on the fly, share 0.5": {**FLY, "batch": {"generated_share": 0.5}},
    "on the fly, normal yaws": {"on_the_fly": {"yaws": "normal"}},
    "on the fly, curriculum 0.5": {**FLY, "mixing": {"curriculum_share": 0.5}},
    "on the fly, own statistics": {**FLY, "mixing": {"separate_statistics": True}},
    "on the fly, own statistics and curriculum": {
        **FLY, "mixing": {"separate_statistics": True, "curriculum_share": 0.5},
    },
}  # fmt: skip


def real_pictures(people: Manifest, largest_yaw: float, path: Path) -> Path:
    """Write the manifest to learn from once: training pictures not turned too far, all of the others."""
    if not path.exists():
        far = np.abs(people.yaw_degrees) > largest_yaw
        people.select(~((people.table["split"] == "train").to_numpy() & far)).save(path)
    return path


def recipe(options: argparse.Namespace, cell: dict, real: Path, seed: int) -> RecognizerConfig:
    base = load_config(RecognizerConfig, options.recipe, [f"data.manifest={real}", *options.set]).model_dump()
    cell = dict(cell)
    base["data"]["extra"] = (options.views,) if cell.pop("extra", False) else ()
    base |= {"seed": seed, "steps": options.steps}
    views = cell.pop("on_the_fly", None)
    base["on_the_fly"] = None if views is None else {"generator": options.generator, **views}
    for section, changes in cell.items():
        base[section] = {**base[section], **changes}
    return check_config(RecognizerConfig, base, "benchmark")


def measured(config: RecognizerConfig, folder: Path, test: Manifest, device: str) -> dict:
    """Train, or go on, or read what is there already; return the figures on the test people."""
    result = folder / "result.json"
    if not result.exists():
        runs = sorted(folder.glob("0*")) if folder.exists() else []
        unfinished = runs[-1] if runs and list_checkpoints(RunFolder(runs[-1]).checkpoints) else None
        run = train_recognizer(config, folder, unfinished, device).run
        embedded = embed_manifest(load_embedder(run.path, device), test)
        write_json(result, validation_figures(embedded.vectors, embedded.failed, test).to_dict())
    return read_json(result)


def chosen_ways(only: list[str] | None, views: str | None, generator: str | None) -> dict[str, dict]:
    """Return the ways to train by name, in the grid's order.

    Args:
        only: Names; None or none takes all that can be trained.
        views: Manifest of generated views; without it no way that reads them.
        generator: Run of ipgan; without it no views on the fly.
    """
    unknown = sorted(set(only or ()) - set(GRID))
    if unknown:
        raise SystemExit(f"error: --only: no such way: {'; '.join(unknown)}; there are: {'; '.join(GRID)}")
    have = {"extra": views, "on_the_fly": generator}
    options = {"extra": "--views", "on_the_fly": "--generator"}
    for name in only or ():
        for need in set(have) & set(GRID[name]):
            if not have[need]:
                raise SystemExit(f"error: --only: {name!r} needs {options[need]}")
    return {
        name: cell for name, cell in GRID.items()
        if all(have[need] for need in have if need in cell) and (not only or name in only)
    }  # fmt: skip


def claim_folder(options: argparse.Namespace) -> None:
    """Refuse a folder that holds another grid, by its options or by what they name now: results would stand beside."""
    keys = ("people", "views", "generator", "recipe", "set", "steps", "max_real_yaw")
    claim = {key: getattr(options, key) for key in keys}
    # What the file says now, not its path alone: an edited one makes another grid.
    given = load_config(RecognizerConfig, options.recipe, [f"data.manifest={options.people}", *options.set])
    claim["recipe_values"] = given.model_dump(mode="json")
    claim["people_fingerprint"] = read_manifest(options.people).fingerprint()
    if options.views:
        claim["views_fingerprint"] = read_manifest(options.views).fingerprint()
    if options.generator:
        from ipgan.stored import read_stored

        claim["generator_sha256"] = read_stored(options.generator).sha256
    path = options.out / "grid.json"
    if path.exists() and read_json(path) != claim:
        raise SystemExit(f"error: {path}: this folder holds another grid; choose another --out")
    write_json(path, claim)


def refuse_shared_people(test: Manifest, real: Path | None, views: str | None) -> None:
    """Refuse to test people whose pictures, real ones or views, are trained on.

    Args:
        test: The people of the test.
        real: Manifest of the real pictures, with splits.
        views: Manifest of the generated views.
    """
    learned = {} if real is None else {str(real): read_manifest(real).of_split("train").subjects}
    learned |= {views: read_manifest(views).subjects} if views else {}
    for name, people in learned.items():
        both = sorted(set(people) & set(test.subjects))
        if both:
            raise SystemExit(
                f"error: {name}: {len(both)} people of the test are trained on: {', '.join(both[:5])}; "
                "choose another --out, and make the views of these people"
            )


def spread(values: list[float]) -> str:
    low, high = 100 * min(values), 100 * max(values)
    return f"{100 * statistics.mean(values):.1f} [{low:.1f}, {high:.1f}]"


def table(found: dict[str, list[dict]]) -> str:
    yaws = sorted({yaw for rows in found.values() for row in rows for yaw in row["rank1_by_yaw"]}, key=float)
    lines = [f"| mixing | seeds | rank-1 | {' | '.join(f'{yaw}°' for yaw in yaws)} | EER |"]
    lines.append("| --- " * (len(yaws) + 4) + "|")
    for name, rows in found.items():
        cells = [spread([row["rank1"] for row in rows])]
        cells += [spread([row["rank1_by_yaw"][yaw] for row in rows]) for yaw in yaws]
        cells.append(spread([row["eer"] for row in rows]))
        lines.append(f"| {name} | {len(rows)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("people", help="manifest with the splits train, val and test")
    made.add_argument("--views", help="manifest of generated views of the training people; without it no disk rows")
    made.add_argument("--generator", help="run of ipgan; without it no views on the fly")
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--recipe", default="recognizer")
    made.add_argument("--set", action="append", default=[], help="override of the recipe, a.b=value")
    made.add_argument("--steps", type=int, default=400)
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--max-real-yaw", type=float, default=30.0)
    made.add_argument("--only", action="append", help="name of a way; may come several times")
    made.add_argument("--device", default="auto")
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and measure every way."""
    options = parser().parse_args(arguments)
    with same_command_goes_on(options.out):
        run_grid(options)


def run_grid(options: argparse.Namespace) -> None:
    """Train and measure what a command line asks for, way by way."""
    cells = chosen_ways(options.only, options.views, options.generator)
    people = read_manifest(options.people)
    test = people.of_split("test")
    options.out.mkdir(parents=True, exist_ok=True)
    claim_folder(options)
    real = real_pictures(people, options.max_real_yaw, options.out / "real.parquet")
    refuse_shared_people(test, real, options.views)
    found: dict[str, list[dict]] = {}
    for seed in range(options.seeds):
        for name, cell in cells.items():
            folder = options.out / f"{name.replace(', ', '-').replace(' ', '-')}-seed{seed}"
            say(f"{name}, seed {seed}")
            figures = measured(recipe(options, cell, real, seed), folder, test, options.device)
            found.setdefault(name, []).append(figures)
            write_text(options.out / "mixing.md", table(found))
    print(table(found), end="")


if __name__ == "__main__":
    with failures_in_one_line():
        main()
