"""Starting from given weights: reading them, fitting their names, and freezing a part of the network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pifr.backbones import DreamBackbone, load_backbone
from pifr.core.checkpoint import read_weights
from pifr.core.errors import CheckpointError
from pifr.core.files import sha256_of_file
from pifr.core.progress import say
from pifr.recognition.sections import FineTuningConfig

_WRAPPERS = ("state_dict", "model", "backbone", "net")
"""Keys under which torch files keep the weights beside an optimizer or a configuration."""
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
_PREFIXES = ("module.", "_orig_mod.", "backbone.", "model.")
"""What DataParallel, torch.compile and a surrounding module put before every name."""


def take_initial(backbone: nn.Module, config: FineTuningConfig) -> str:
    """Load ``config.initial`` into ``backbone`` and return the SHA-256 of the file.

    Raises:
        CheckpointError: If the file is missing, damaged or no plain tensors, a shape differs, or, unless
            ``strict=false``, a name is missing or left over.
    """
    assert config.initial is not None
    given, path = _read(config.initial)
    own = backbone.state_dict()
    given = _fitted_names(given, own)
    common = own.keys() & given.keys()
    for name in sorted(common):
        if own[name].shape != given[name].shape:
            raise CheckpointError(
                f"{name!r} has another shape", where=path,
                found=f"{tuple(given[name].shape)}, the network has {tuple(own[name].shape)}",
                cure="set backbone.name, width, embedding_dim and size_px as the weights were made with",
            )  # fmt: skip
    missing, left_over = sorted(own.keys() - common), sorted(given.keys() - common)
    if not common or (config.strict and (missing or left_over)):
        raise CheckpointError(
            f"{len(missing)} of the network's {len(own)} tensors are missing and {len(left_over)} are left over",
            where=path, found=f"missing: {_shown(missing)}; left over: {_shown(left_over)}",
            cure="name weights of the same network, or set fine_tuning.strict=false to take what fits",
        )  # fmt: skip
    if missing or left_over:
        say(f"{path}: took {len(common)} of {len(own)} tensors; new: {_shown(missing)}; left over: {_shown(left_over)}")
    backbone.load_state_dict({**own, **{name: given[name] for name in common}})
    return sha256_of_file(path)


def freeze(backbone: nn.Module, which: str | int, size_px: int) -> list[nn.Module]:
    """Stop the gradient of some modules and return them; they belong in evaluation mode.

    Args:
        backbone: The network, on any device.
        which: ``none``, ``backbone``, or N: every layer that reads maps of a side above ``size_px / 2^N``, whatever
            network it is.
        size_px: Side of the pictures.
    """
    if which == "none":
        return []
    if which == "backbone":  # what DREAM adds is then what there is to learn
        frozen = [backbone.backbone if isinstance(backbone, DreamBackbone) else backbone]
    else:
        frozen = [layer for layer, side in _input_sides(backbone, size_px) if side > size_px / 2 ** int(which)]
    for module in frozen:
        module.requires_grad_(False)
    return frozen


def train_all_but(backbone: nn.Module, frozen: list[nn.Module]) -> None:
    """Set training mode, and evaluation mode for what is frozen: its running statistics stay as they are."""
    backbone.train()
    for module in frozen:
        module.eval()


def _read(name: str) -> tuple[dict[str, Tensor], Path]:
    path = Path(name)
    if not path.is_file():
        if path.suffix in _SUFFIXES and not path.exists():
            raise CheckpointError("weights file not found", where=path, cure="check fine_tuning.initial")
        stored = load_backbone(name)
        return dict(stored.network.state_dict()), stored.checkpoint.weights_path
    if path.suffix == ".safetensors":
        return read_weights(path), path
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            "not a torch file of plain tensors", where=path, found=type(error).__name__,
            cure="save model.state_dict() with torch.save, or as safetensors",
        ) from error  # fmt: skip
    for key in _WRAPPERS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
            break
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise CheckpointError("the file holds no table of names and tensors", where=path, found=type(loaded).__name__)
    return dict(loaded), path


def _fitted_names(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``given`` under the spelling that has most names in common with ``own``.

    Tried are the names as they are, without what wrappers put before them, and behind each module of the network,
    for weights of a network that ours contains.
    """
    stripped = dict(given)
    spellings = [stripped]
    for _ in _PREFIXES:
        for prefix in _PREFIXES:
            if stripped and all(name.startswith(prefix) for name in stripped):
                stripped = {name.removeprefix(prefix): value for name, value in stripped.items()}
                spellings.append(stripped)
    for head in sorted({name.partition(".")[0] for name in own}):
        spellings.append({f"{head}.{name}": value for name, value in stripped.items()})
    return max(spellings, key=lambda names: len(names.keys() & own.keys()))


def _input_sides(backbone: nn.Module, size_px: int) -> list[tuple[nn.Module, float]]:
    """Return every layer without children, with the side of the map it reads; 0 for what is no map."""
    sides: dict[nn.Module, float] = {}

    def note(module: nn.Module, inputs: tuple[object, ...]) -> None:
        first = inputs[0] if inputs else None
        side = first.shape[-1] if isinstance(first, Tensor) and first.ndim == 4 else 0
        sides[module] = max(side, sides.get(module, -math.inf))

    hooks = [m.register_forward_pre_hook(note) for m in backbone.modules() if not list(m.children())]
    was_training = backbone.training
    device = next(backbone.parameters()).device
    with torch.no_grad():
        backbone.eval()(torch.zeros(1, 3, size_px, size_px, device=device))
    backbone.train(was_training)
    for hook in hooks:
        hook.remove()
    return list(sides.items())


def _shown(names: list[str]) -> str:
    if not names:
        return "none"
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
