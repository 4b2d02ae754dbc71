"""How large each layer's activations are, so that a tolerance means the same for every norm gate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from edgeskip.core.errors import InputError
from edgeskip.nn.gates.norm import NormGate, channel_norm
from edgeskip.nn.skip_conv import SkipConv2d
from edgeskip.nn.state import dense_mode, skip_layers

SMALLEST_SCALE = 1e-12


def calibrate_gates(model: nn.Module, frames: Iterable[Tensor]) -> dict[str, float]:
    """Set `scale` of every norm gate to the mean over pixels of norm_c(the map that it watches), dense network.

    `frames`: tensors [N, C, H, W]. Returns the scale by layer. No temporal state is touched.

    Raises:
        InputError: no frames.
    """
    gated = {name: layer for name, layer in skip_layers(model).items() if isinstance(layer.gate, NormGate)}
    means: dict[str, list[float]] = defaultdict(list)
    handles = [layer.register_forward_hook(_observer(means[name])) for name, layer in gated.items()]
    try:
        with dense_mode(model), torch.no_grad():
            seen = [model(frame) is not None for frame in frames]
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise InputError("no frames were given to take the scales from")
    scales = {name: sum(values) / len(values) for name, values in means.items() if values}
    for name, scale in scales.items():
        gated[name].gate.scale.fill_(max(scale, SMALLEST_SCALE))
    return scales


def _observer(means: list[float]) -> Callable[[SkipConv2d, tuple[Tensor, ...], Tensor], None]:
    def observe(layer: SkipConv2d, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        watched = arguments[0] if layer.gate.on == "input" else output
        means.append(float(channel_norm(watched.float(), layer.gate.norm).mean()))

    return observe
