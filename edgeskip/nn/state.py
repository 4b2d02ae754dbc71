"""The temporal state of a whole network: forget it, detach it, save it, load it, or leave it aside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from edgeskip.core.errors import InputError, ModelError
from edgeskip.nn.refresh import UNKNOWN
from edgeskip.nn.skip_conv import SkipConv2d


def skip_layers(model: nn.Module) -> dict[str, SkipConv2d]:
    """The skip convolutions of a network by name, in the order of its modules."""
    return {name: module for name, module in model.named_modules() if isinstance(module, SkipConv2d)}


def reset_state(model: nn.Module, streams: Iterable[int] | None = None) -> None:
    """Forget: the next frame is computed densely, for all streams or for those of the batch that are named.

    Raises:
        InputError: a stream that the state does not hold.
    """
    for name, layer in skip_layers(model).items():
        layer.end_frame()
        for site in layer.sites:
            if streams is None:
                site.state = site.shape = None
            elif site.state is not None:
                kept = {key: _forget(value, list(streams), name) for key, value in site.state.items() if key != UNKNOWN}
                site.state = {**kept, UNKNOWN: torch.ones(1, dtype=torch.bool)}


def detach_state(model: nn.Module) -> None:
    """Cut the gradient graph behind the state (truncated backpropagation through time)."""
    for layer in skip_layers(model).values():
        for site in layer.sites:
            if site.state is not None:
                site.state = {key: value.detach() for key, value in site.state.items()}


def temporal_state_dict(model: nn.Module) -> dict[str, Tensor]:
    """The temporal state as `<layer>.<site>.<key>` -> tensor [N, ...], detached; layers without state are left out."""
    return {
        f"{name}.{index}.{key}": value.detach()
        for name, layer in skip_layers(model).items()
        for index, site in enumerate(layer.sites)
        if site.state is not None
        for key, value in {**site.state, "input": torch.tensor(site.shape)}.items()
    }


def load_temporal_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Continue where `temporal_state_dict` was taken. What `state` does not name is forgotten.

    Raises:
        ModelError: a key that belongs to no layer of this network; nothing was changed.
    """
    layers, rest = skip_layers(model), dict(state)
    found = {}
    for name, layer in layers.items():
        for index in range(len(layer.sites)):
            prefix = f"{name}.{index}."
            keys = [key for key in rest if key.startswith(prefix)]
            found[name, index] = {key.removeprefix(prefix): rest.pop(key) for key in keys}
    if rest:
        raise ModelError(f"temporal state of another network: no layer has {next(iter(rest))!r}")
    reset_state(model)
    for (name, index), values in found.items():
        if values:
            site = layers[name].sites[index]
            site.shape = torch.Size(values.pop("input").tolist())
            site.state = values


@contextmanager
def dense_mode(model: nn.Module) -> Iterator[None]:
    """Inside, the network is the dense one: no gates, no state touched (teacher of a self-distillation)."""
    layers = list(skip_layers(model).values())
    before = [layer.skipping for layer in layers]
    try:
        for layer in layers:
            layer.skipping = False
        yield
    finally:
        for layer, skipping in zip(layers, before, strict=True):
            layer.skipping = skipping


@contextmanager
def separate_state(model: nn.Module) -> Iterator[None]:
    """Inside, the state is empty; after it, what it was before."""
    sites = [site for layer in skip_layers(model).values() for site in layer.sites]
    before = [(site.state, site.shape) for site in sites]
    reset_state(model)
    try:
        yield
    finally:
        for site, (state, shape) in zip(sites, before, strict=True):
            site.state, site.shape = state, shape


def _forget(value: Tensor, streams: list[int], name: str) -> Tensor:
    if any(not 0 <= stream < len(value) for stream in streams):
        raise InputError(f"layer {name!r} holds {len(value)} streams, and {streams} are to be reset")
    forgotten = value.clone()
    forgotten[streams] = True if value.dtype == torch.bool else torch.nan
    return forgotten
