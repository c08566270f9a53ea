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
