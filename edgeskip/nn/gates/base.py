"""What a gate is: a rule that turns the change of a map into the pixels that count, and the registry of gates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from edgeskip.core.errors import ModelError
from edgeskip.nn.geometry import Geometry


@dataclass(frozen=True)
class Decision:
    """Which pixels are open.

    `open`: bool [N, 1, h, w]. `soft`: the relaxed gate of the same shape, between 0 and 1, through which gradients
    flow; None where the gate has nothing to learn. `relaxed`: the soft gate takes the place of the hard one in the
    forward pass too, so that the whole layer is differentiable in the usual sense.
    """

    open: Tensor
    soft: Tensor | None = None
    relaxed: bool = False

    def opened(self, where: Tensor | None) -> Decision:
        """The same, open as well at the pixels of `where` (bool, same shape); None: at none."""
        if where is None:
            return self
        soft = None if self.soft is None else torch.where(where, torch.ones_like(self.soft), self.soft)
        return replace(self, open=self.open | where, soft=soft)

    def within(self, where: Tensor) -> Decision:
        """The same, closed outside the pixels of `where` (bool, same shape)."""
        soft = None if self.soft is None else self.soft * where
        return replace(self, open=self.open & where, soft=soft)

    def spread(self, geometry: Geometry) -> Decision:
        """From input pixels to the output pixels that read them."""
        soft = None if self.soft is None else geometry.reach(self.soft)
        return replace(self, open=geometry.reach(self.open), soft=soft)

    def blend(self, new: Tensor, old: Tensor) -> Tensor:
        """`new` where open, `old` elsewhere: exactly so in the forward pass, through the relaxed gate backward.

        Straight-through: the gradient of the gate is that of soft * new + (1 - soft) * old (Bengio et al. 2013).
        """
        old = old.to(new.dtype)
        if self.soft is None:
            return torch.where(self.open, new, old)
        soft = self.soft.to(new.dtype)
        if self.relaxed:
            return soft * new + (1 - soft) * old
        return torch.where(self.open, new, old) + (soft - soft.detach()) * (new - old).detach()

    def amount(self) -> Tensor:
        """How open each pixel is: relaxed where the gate learns, else 0 or 1; [N, 1, h, w]."""
        return self.open.float() if self.soft is None else self.soft


class Gate(nn.Module):
    """Base of all gates. A gate compares a map with what it was when the pixel was last let through.

    `watches` says which map:
      "input"   the layer's input; the gate decides input pixels, and the layer's reference input moves where it opens
      "output"  the layer's output, computed at the candidates first; the gate decides what is published
      "signal"  a map of the gate's own on the output's grid (`signal`), linear in the input, cheaper than the layer
    """

    name: ClassVar[str]
    watches: str

    def __init__(self) -> None:
        super().__init__()
        self.relaxed = False

    def bind(self, geometry: Geometry, in_channels: int, out_channels: int) -> None:
        """Called once by the layer: makes the parameters that depend on its shape."""

    def decide(self, change: Tensor) -> Decision:
        """Open pixels by the change [N, K, h, w] of the watched map; unknown pixels hold 0 and are opened anyway."""
        raise NotImplementedError

    def signal(self, x: Tensor) -> Tensor:
        """Gates that watch "signal": the map [N, K, h, w] of input x [N, C, H, W], linear in x."""
        raise NotImplementedError

    def residual_signal(self, residual: Tensor) -> Tensor:
        """The change of the signal for a change of the input (mode "residual"). By linearity `signal` of it."""
        return self.signal(residual)

    def macs_per_pixel(self) -> int:
        """Multiply-accumulates that one decision costs, per pixel that is compared."""
        raise NotImplementedError

    def check_mode(self, mode: str) -> None:
        """Raise ModelError where the gate does not work in this mode ("refresh" or "residual")."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # A dense checkpoint has no gates: theirs keep their start values, and nothing counts as missing.
        if any(key.startswith(prefix) for key in state_dict):
            super()._load_from_state_dict(state_dict, prefix, *rest)


_GATES: dict[str, Callable[..., Gate]] = {}


def register_gate(gate: type[Gate]) -> type[Gate]:
    """Class decorator: make `gate` known by its name."""
    assert gate.name not in _GATES, gate.name
    _GATES[gate.name] = gate
    return gate


def gate_names() -> list[str]:
    """Names of the gates, sorted."""
    return sorted(_GATES)


def create_gate(name: str, **options: Any) -> Gate:
    """A new gate by name. Raises ModelError on an unknown name or option."""
    if name not in _GATES:
        raise ModelError(f"unknown gate {name!r}", hint=f"gates: {', '.join(gate_names())}")
    try:
        return _GATES[name](**options)
    except TypeError as error:
        raise ModelError(f"gate {name!r} does not take these options: {error}") from error
