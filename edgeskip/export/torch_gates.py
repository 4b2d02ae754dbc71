"""What the gates of a torch network say, without torch: one TrainedGate per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeskip.core.errors import ModelError
from edgeskip.graph.passes.trained_gates import TrainedGate

if TYPE_CHECKING:
    from torch import nn

    from edgeskip.nn import SkipConv2d


def gates_of(model: nn.Module) -> dict[str, TrainedGate]:
    """The gate of every SkipConv2d by its name in `model`; empty for a network without any.

    Raises:
        ModelError: a layer that the contract can't express: mode "residual", a padding mode, an unknown gate.
    """
    from edgeskip.nn import skip_layers

    layers = skip_layers(model)
    for name, layer in layers.items():
        _check(name, layer)
    return {name: gate_of(name, layer) for name, layer in layers.items()}


def gate_of(name: str, layer: SkipConv2d) -> TrainedGate:
    """The gate of one layer. Raises ModelError where the contract has none like it."""
    from edgeskip.nn import GumbelGate, NormGate

    gate = layer.gate
    if isinstance(gate, NormGate):
        numbers = {"threshold": gate.threshold, "tolerance": gate.tolerance.clamp_min(0), "scale": gate.scale}
        return TrainedGate(
            gate.on,
            norm=gate.norm,
            window=gate.window,
            **{key: float(value.detach()) for key, value in numbers.items()},
        )
    if isinstance(gate, GumbelGate):
        weight = gate.weight.detach().cpu().float().numpy()
        magnitude = gate.change == "magnitude"
        bias = float(gate.bias.detach())
        return TrainedGate(
            "signal", weight=weight, bias=bias, block=gate.block, least_blocks=gate.least_blocks, magnitude=magnitude
        )
    raise ModelError(
        f"layer {name!r}: gate {type(gate).__name__} can't be exported", hint="NormGate and GumbelGate can be exported"
    )


def _check(name: str, layer: SkipConv2d) -> None:
    if layer.mode != "refresh":
        raise ModelError(
            f"layer {name!r} has mode={layer.mode!r}: a running sum drifts, and the contract has no place for it; "
            "that mode runs in torch only",
            hint="convert with Policy(..., mode='refresh') and load the same weights (gates may need fine-tuning)",
        )
    if layer.padding_mode != "zeros" and any(layer.geometry.pads(1, 1)):
        raise ModelError(
            f"layer {name!r} has padding_mode={layer.padding_mode!r}, which can't be exported: a skip convolution "
            "pads with zeros",
            hint="train with padding_mode='zeros', or leave the layer dense: Policy(exclude=(...,))",
        )
