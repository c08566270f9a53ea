"""``pifr backbones``: the networks by name, and what they cost."""

from __future__ import annotations

import rich_click as click


@click.command()
@click.argument("names", nargs=-1)
@click.option("--size", "size_px", default=112, show_default=True, help="Side of the input, 64 to 224 px.")
@click.option("--dim", "embedding_dim", default=512, show_default=True, help="Length of the embedding.")
@click.option("--width", default=1.0, show_default=True, help="Factor on all channel counts.")
def backbones(names: tuple[str, ...], size_px: int, embedding_dim: int, width: float) -> None:
    """List the networks and what they cost.

    NAMES are some of them, or timm:NAME for networks of timm; by default all of this package. Multiplications and
    additions of one picture forwards are counted, in convolutions and matrix products, without building the network
    in memory. Measured speed: docs/backbones.md.

    \b
    Examples:
      pifr backbones
      pifr backbones ir18 timm:resnet18 --size 64 --dim 128
    """
    from pifr.backbones import backbone_cost, list_backbones

    click.echo(
        f"{'backbone':<28}{'parameters':>14}{'GFLOP':>9}   at {size_px} px, {embedding_dim} numbers, width {width:g}"
    )
    for name in names or list_backbones():
        cost = backbone_cost(name, size_px, embedding_dim, width)
        click.echo(f"{name:<28}{cost.parameters:>14,}{cost.flops / 1e9:>9.3f}")
