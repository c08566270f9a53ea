"""Networks behind torch.compile."""

from __future__ import annotations

import torch
from torch import nn

from ipgan.generator import Generator
from ipgan.networks import Networks
from pifr.core.device import require_compiler


def compile_networks(networks: Networks, device: torch.device) -> None:
    """Let torch.compile run the trained encoders and the generator from their first call on.

    They are compiled in place: names and weights stay as they are, so checkpoints, averages and several processes know
    nothing of it. The discriminator stays as it is, since its gradient penalty needs second derivatives, which
    torch.compile can't give; so do the averaged networks, which are used seldom.

    Raises:
        DependencyError: If a processor is to run them and there is no C++ compiler.
    """
    require_compiler(device)
    rotation = networks.rotation
    # Left to itself it turns sizes that change, such as the number of true views in a batch, into symbols.
    for network in (rotation.identity_encoder, rotation.pose_encoder, rotation.generator):
        if isinstance(network, Generator):
            # Training calls its two parts, to have a loss on each.
            network.draw = torch.compile(network.draw)  # type: ignore[method-assign]
            if network.flow is not None:
                network.flow.compile()
        # CR-GAN reads poses off its identity encoder: its pose encoder is no network.
        elif isinstance(network, nn.Module):
            network.compile()
