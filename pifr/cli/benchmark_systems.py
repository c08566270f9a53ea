"""What ``pifr benchmark`` measures and where: embedders by name, each alone or behind a generator; the folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pifr.core.errors import ConfigError, DataError

if TYPE_CHECKING:
    from pifr.recognition import Embedder


def systems(
    embedders: Sequence[str],
    names: Sequence[str],
    frontalise: str | None,
    device: str,
    frontalise_from_degrees: float | None = None,
    frontalise_fuse: bool = False,
) -> tuple[list[Embedder], list[str]]:
    """Load embedders and name them; with a generator, each is followed by itself behind it.

    Args:
        embedders: As on the command line.
        names: One an embedder, or none.
        frontalise: Run folder of a generator, or None.
        device: auto, cpu, cuda or cuda:N.
        frontalise_from_degrees: Least absolute yaw of a probe that is turned; None for the usual one.
        frontalise_fuse: Add the embedding of the probe itself.

    Raises:
        ConfigError: If names and embedders don't match in number.
    """
    from pifr.recognition import load_embedder

    if names and len(names) != len(embedders):
        raise ConfigError(
            "give one name for each embedder", where="--name", found=f"{len(names)} for {len(embedders)} embedders"
        )
    loaded = [load_embedder(name, device) for name in embedders]
    called = list(names) or [each.name for each in loaded]
    if frontalise is None:
        return loaded, called
    from ipgan import Rotator
    from pifr.augment.frontalise import FROM_DEGREES, FrontalisedEmbedder

    from_degrees = FROM_DEGREES if frontalise_from_degrees is None else frontalise_from_degrees
    rotator = Rotator.load(frontalise, device)
    turned = [FrontalisedEmbedder(each, rotator, from_degrees, frontalise_fuse) for each in loaded]
    both: list[Embedder] = [one for pair in zip(loaded, turned, strict=True) for one in pair]
    return both, [text for name, each in zip(called, turned, strict=True) for text in (name, f"{name} + {each.called}")]


def refuse_foreign_folder(out: Path) -> None:
    """Refuse a folder that is neither empty nor holds an earlier benchmark, before hours of work end in it.

    An earlier one may have been broken off by a full disk. Files beside it are let be: they are not replaced.

    Raises:
        DataError: Naming one of the files.
    """
    from pifr.core.files import TEMPORARY_MARK, names_within, refuse_file
    from pifr.core.runs import refuse_run_folder
    from pifr.evaluation.measuring import holds_benchmark
    from pifr.evaluation.preservation_result import RESULTS
    from pifr.evaluation.results import PROTOCOL, is_claimed

    refuse_file(out)
    if not out.exists():
        return
    refuse_run_folder(out)
    # Scores alone may have been made with other tools, to be reported; a benchmark keeps its protocol beside them.
    finished = (holds_benchmark(out) and (out / PROTOCOL).is_file()) or (out / RESULTS).is_file()
    if finished or is_claimed(out):
        return
    others = [name for name in names_within(out) if TEMPORARY_MARK not in name]
    if others:
        raise DataError("this folder is not empty and holds no benchmark", where=out, found=others[0],
                        cure="choose another --out folder")  # fmt: skip
