"""The norm gate: a pixel counts where the norm over channels of its change exceeds a threshold.

Habibian et al., Skip-Convolutions, CVPR 2021: eq. 5 on the input, eq. 7 on the output. Norms are means over channels,
as in docs/contract.md, so that a threshold does not depend on the number of channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeskip.core.contract import NORMS, TEXTURE_FACTOR
from edgeskip.core.errors import ModelError
from edgeskip.nn.gates.base import Decision, Gate, register_gate
from edgeskip.nn.geometry import Geometry

# below this a mean of squares counts as 0 in the relaxed gate, whose square root has no slope there
SMALLEST_SQUARE = 1e-20


@register_gate
class NormGate(Gate):
    """Open where not (norm_c(change) <= tolerance x scale).

    `tolerance`: the threshold relative to `scale`, the mean norm of the watched map, which `calibrate_gates` sets
    (1 until then: an absolute threshold). 0 lets every change through, and the layer equals the dense one. `on`:
    "input" or "output". `norm`: "l2" (root mean square over channels), "l1" (mean magnitude), "linf" (largest).
    `trainable`: the tolerance is a parameter; its gradient goes through sigmoid((norm / scale - tolerance) /
    `temperature`). `window` (odd): against the noise of a camera, for the first layer's input. The change is averaged
    over the window with its sign, which noise does not survive, and a texture that moves without a change of the mean
    opens the gate at `TEXTURE_FACTOR` times the threshold: the frame gate of docs/contract.md.

    Raises:
        ModelError: a value that the rules above exclude.
    """

    name = "norm"

    def __init__(
        self,
        tolerance: float = 0.0,
        *,
        on: str = "output",
        norm: str = "l2",
        trainable: bool = False,
        temperature: float = 0.05,
        window: int = 1,
    ) -> None:
        super().__init__()
        _check(tolerance, on, norm, temperature, window)
        self.watches = on
        self.norm = norm
        self.window = window
        self.trainable = trainable
        value = torch.tensor(float(tolerance))
        if trainable:
            self.tolerance = nn.Parameter(value)
        else:
            self.register_buffer("tolerance", value)
        self.register_buffer("scale", torch.tensor(1.0))
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self._channels = 0

    @property
    def on(self) -> str:
        """Which map the gate compares: "input" or "output"."""
        return self.watches

    @property
    def threshold(self) -> Tensor:
        """The threshold in units of the watched map: a scalar tensor, not below 0."""
        return (self.tolerance * self.scale).clamp_min(0)

    def bind(self, geometry: Geometry, in_channels: int, out_channels: int) -> None:
        """Nothing to make; a comparison costs one multiply-accumulate per channel."""
        self._channels = in_channels if self.watches == "input" else out_channels

    def decide(self, change: Tensor) -> Decision:
        """[N, C, H, W] -> open pixels [N, 1, H, W]. NaN opens."""
        change = change.float() if change.dtype in (torch.float16, torch.bfloat16) else change
        is_open = ~(self._size(change) <= self.threshold.detach())
        if not (self.relaxed or (self.trainable and torch.is_grad_enabled())):
            return Decision(is_open)
        relative = self._size(change, SMALLEST_SQUARE) / self.scale
        soft = torch.sigmoid((relative - self.tolerance) / self.temperature)
        return Decision(is_open, soft, self.relaxed)

    def _size(self, change: Tensor, smallest_square: float = 0.0) -> Tensor:
        """What is compared with the threshold, [N, 1, H, W]."""
        norm = channel_norm(change, self.norm, smallest_square)
        if self.window == 1:
            return norm
        signed = channel_norm(box_mean(change, self.window), self.norm, smallest_square)
        return torch.maximum(signed, box_mean(norm, self.window) / TEXTURE_FACTOR)

    def macs_per_pixel(self) -> int:
        """One per channel of a norm: with a window there are two."""
        return self._channels * (1 if self.window == 1 else 2)

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"tolerance={float(self.tolerance):g}, scale={float(self.scale):g}, on={self.on}, norm={self.norm}" + (
            f", window={self.window}" if self.window > 1 else ""
        )


def channel_norm(change: Tensor, norm: str, smallest_square: float = 0.0) -> Tensor:
    """Mean-normalised norm over channels: [N, C, H, W] -> [N, 1, H, W]."""
    if norm == "l2":
        square = change.square().mean(1, keepdim=True)
        return (square.clamp_min(smallest_square) if smallest_square else square).sqrt()
    if norm == "l1":
        return change.abs().mean(1, keepdim=True)
    return change.abs().amax(1, keepdim=True)


def box_mean(values: Tensor, window: int) -> Tensor:
    """Mean of [N, C, H, W] over the part of the window that lies in the picture."""
    return functional.avg_pool2d(values, window, stride=1, padding=window // 2, count_include_pad=False)


def _check(tolerance: float, on: str, norm: str, temperature: float, window: int) -> None:
    if not tolerance >= 0:
        raise ModelError(f"norm gate: tolerance {tolerance} is below 0")
    if on not in ("input", "output"):
        raise ModelError(f"norm gate: on={on!r} is neither 'input' nor 'output'")
    if norm not in NORMS:
        raise ModelError(f"norm gate: unknown norm {norm!r}", hint=f"norms: {', '.join(NORMS)}")
    if window < 1 or window % 2 == 0 or (window > 1 and on != "input"):
        raise ModelError(f"norm gate: window {window} on the {on}", hint="an odd number, above 1 with on='input' only")
    if not temperature > 0:
        raise ModelError(f"norm gate: temperature {temperature} is not above 0")
