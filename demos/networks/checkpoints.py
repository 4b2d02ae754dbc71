"""Loads public checkpoints under the names that their repositories use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from edgeskip.core.errors import ModelError

_CONTAINERS = ("state_dict", "average", "state_dict_ema", "model")


def read_state(file: str | Path) -> dict[str, Tensor]:
    """Tensors of a checkpoint file, whether bare or beside an optimiser.

    Raises:
        ModelError: the file can't be read, or holds no state dict.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different class for each way in which a file is not a checkpoint
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"can't read checkpoint {file}: {first}", hint="a file written by torch.save") from error
    for name in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{file}: holds no state dict", hint=f"tensors by name, bare or under one of {_CONTAINERS}")
    return dict(content)


def renamed(state: Mapping[str, Tensor], prefixes: Sequence[tuple[str, str]]) -> dict[str, Tensor]:
    """`state` with each prefix (old, new) replaced where a name starts with it; the first that fits counts."""
    result = {}
    for name, value in state.items():
        old, new = next(((old, new) for old, new in prefixes if name.startswith(old)), ("", ""))
        result[new + name[len(old) :]] = value
    return result


def load_state(network: nn.Module, state: Mapping[str, Tensor], ignored: Sequence[str] = ()) -> None:
    """Load `state` into `network`; names that start with one of `ignored` may be in excess.

    Raises:
        ModelError: names are missing or foreign, or a shape differs.
    """
    own = network.state_dict()
    counters = {name for name in own if name.endswith("num_batches_tracked")}
    missing = sorted(set(own) - set(state) - counters)
    foreign = sorted(name for name in set(state) - set(own) if not name.startswith(tuple(ignored)))
    if missing or foreign:
        raise ModelError(
            f"checkpoint of another network: {len(missing)} names missing {missing[:3]}, "
            f"{len(foreign)} foreign {foreign[:3]}",
            hint="choose the variant that the checkpoint was trained as",
        )
    wrong = [name for name in own if name in state and state[name].shape != own[name].shape]
    if wrong:
        shapes = tuple(state[wrong[0]].shape), tuple(own[wrong[0]].shape)
        raise ModelError(
            f"checkpoint: {wrong[0]} has shape {shapes[0]}, the network has {shapes[1]}",
            hint="choose the variant, the number of joints or the classes that the checkpoint was trained with",
        )
    network.load_state_dict({name: state.get(name, value) for name, value in own.items()})
