"""What ``pifr benchmark`` measures: embedders by name, each alone and, where asked for, behind a generator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pifr.core.errors import ConfigError

if TYPE_CHECKING:
    from pifr.recognition import Embedder


def systems(
    embedders: Sequence[str],
    names: Sequence[str],
    frontalise: str | None,
    device: str,
    frontalise_from_degrees: float | None = None,
) -> tuple[list[Embedder], list[str]]:
    """Load embedders and name them; with a generator, each is followed by itself behind it.

    Args:
        embedders: As on the command line.
        names: One an embedder, or none.
        frontalise: Run folder of a generator, or None.
        device: auto, cpu, cuda or cuda:N.
        frontalise_from_degrees: Least absolute yaw of a probe that is turned; None for the usual one.

    Raises:
        ConfigError: If names and embedders don't match in number, or there is a least yaw and no generator.
    """
    from pifr.recognition import load_embedder

    if names and len(names) != len(embedders):
        raise ConfigError(
            "give one name for each embedder", where="--name", found=f"{len(names)} for {len(embedders)} embedders"
        )
    loaded = [load_embedder(name, device) for name in embedders]
    called = list(names) or [each.name for each in loaded]
    if frontalise is None:
        if frontalise_from_degrees is not None:
            raise ConfigError(
                "nothing turns the probes", where="--frontalise-from", cure="name a generator by --frontalise"
            )
        return loaded, called
    from ipgan import Rotator
    from pifr.augment.frontalise import FROM_DEGREES, FrontalisedEmbedder

    from_degrees = FROM_DEGREES if frontalise_from_degrees is None else frontalise_from_degrees

    rotator = Rotator.load(frontalise, device)
    both: list[Embedder] = []
    for each in loaded:
        both += [each, FrontalisedEmbedder(each, rotator, from_degrees)]
    return both, [text for name in called for text in (name, f"{name} + frontalised by {rotator.name}")]
