"""The Gumbel gate: one small convolution that learns, block by block, which changes matter.

Habibian et al., Skip-Convolutions, CVPR 2021, eq. 8, and Jang et al., Categorical Reparameterization with
Gumbel-Softmax, ICLR 2017, for the relaxation.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgeskip.core.contract import BLOCKS, fitting_block
from edgeskip.core.errors import ModelError
from edgeskip.nn.gates.base import Decision, Gate, register_gate
from edgeskip.nn.geometry import Geometry

CHANGES = ("signed", "magnitude", "inputs")


@register_gate
class GumbelGate(Gate):
    """Open where bias + f(change) > 0; f is a convolution with the layer's own geometry.

    `block`: 1, 2, 4 or 8; pixels of a block open together, when the largest logit among them is above 0.
    `least_blocks`: how many must lie along the shorter side of the map; the block halves until they do, since in the
    depth of a network one of 8 may be the whole map (0: never). `change`:
      "signed"     logit = w * (x - x_ref) + bias                          eq. 8 to the letter
      "magnitude"  logit = sum over `channels` of |w_k * (x - x_ref)| + bias: a change counts in either direction
      "inputs"     logit = w * |x - x_prev| + bias, as in the published code; mode "residual" only
    The convolution is linear, so the first two keep u_ref = w * x_ref (`channels` values a pixel), not x_ref.
    `channels`: output channels of f, 1 unless "magnitude". `temperature`: of the relaxed gate in training;
    `gate.temperature.fill_(t)` changes it. `gate.noise`: factor of the noise in training, 1 from the start; lowered to
    0, a training ends with the decisions of the finished network. `initial_bias`: above 0 the layer starts open, as
    the dense network.

    Parameters: `weight` [channels, C, kh, kw], `bias` [1].

    Raises:
        ModelError: a value that the rules above exclude.
    """

    name = "gumbel"
    watches = "signal"

    def __init__(
        self,
        block: int = 1,
        *,
        least_blocks: int = 0,
        change: str = "signed",
        channels: int = 1,
        temperature: float = 2 / 3,
        initial_bias: float = 1.0,
    ) -> None:
        super().__init__()
        _check(block, least_blocks, change, channels, temperature)
        self.block, self.least_blocks, self.change, self.channels = block, least_blocks, change, channels
        self.initial_bias = initial_bias
        self.register_buffer("temperature", torch.tensor(float(temperature)), persistent=False)
        self.register_buffer("noise", torch.tensor(1.0), persistent=False)

    def bind(self, geometry: Geometry, in_channels: int, out_channels: int) -> None:
        """Makes the gate's convolution: the layer's geometry, without groups."""
        self._geometry = geometry
        self.weight = nn.Parameter(torch.empty(self.channels, in_channels, *geometry.kernel))
        self.bias = nn.Parameter(torch.full((1,), float(self.initial_bias)))
        nn.init.xavier_uniform_(self.weight)

    def check_mode(self, mode: str) -> None:
        """The magnitude of inputs is not linear: nothing small stands for the reference."""
        if self.change == "inputs" and mode != "residual":
            raise ModelError(
                f"a Gumbel gate with change='inputs' does not work in mode {mode!r}, only in 'residual'",
                hint="take change='magnitude', or mode='residual'",
            )

    def signal(self, x: Tensor) -> Tensor:
        """u = w * x, [N, channels, h, w], without bias."""
        return self._geometry.convolve(x, self.weight, None)

    def residual_signal(self, residual: Tensor) -> Tensor:
        """Change of u for a change of the input."""
        return self.signal(residual.abs() if self.change == "inputs" else residual)

    def decide(self, change: Tensor) -> Decision:
        """Change of u [N, channels, h, w] -> open pixels [N, 1, h, w]; in training with Gumbel noise."""
        logit = self.block_logit(change)
        if self.training and not self.relaxed:
            logit = logit + self.noise * _logistic_noise(logit)
        height, width = change.shape[-2:]
        is_open = self._pixels(logit > 0, height, width)
        if not (self.relaxed or (self.training and torch.is_grad_enabled())):
            return Decision(is_open)
        soft = self._pixels(torch.sigmoid(logit / self.temperature), height, width)
        return Decision(is_open, soft, self.relaxed)

    def logit(self, change: Tensor) -> Tensor:
        """Change of u [N, channels, h, w] -> logit [N, 1, h, w] of each pixel alone."""
        value = change.abs().sum(1, keepdim=True) if self.change == "magnitude" else change
        return value + self.bias

    def block_logit(self, change: Tensor) -> Tensor:
        """The same of blocks: that of the pixel with the largest, [N, 1, ceil(h / b), ceil(w / b)], b being the block
        that fits the map."""
        logit = self.logit(change.float() if change.dtype != torch.float64 else change)
        block = self._block(*logit.shape[-2:])
        return logit if block == 1 else functional.max_pool2d(logit, block, ceil_mode=True)

    def macs_per_pixel(self) -> int:
        """Those of the gate's convolution."""
        return self.weight.numel()

    def _block(self, height: int, width: int) -> int:
        return fitting_block(self.block, self.least_blocks, height, width)

    def _pixels(self, blocks: Tensor, height: int, width: int) -> Tensor:
        block = self._block(height, width)
        if block == 1:
            return blocks
        return blocks.repeat_interleave(block, 2).repeat_interleave(block, 3)[:, :, :height, :width]

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        shown = ("block", "least_blocks", "change", "channels")
        return ", ".join(f"{name}={getattr(self, name)}" for name in shown)


def _logistic_noise(like: Tensor) -> Tensor:
    """Difference of two Gumbel variables, of the shape of `like`."""
    uniform = torch.rand_like(like).clamp(1e-6, 1 - 1e-6)
    return uniform.log() - (-uniform).log1p()


def _check(block: int, least_blocks: int, change: str, channels: int, temperature: float) -> None:
    if block not in BLOCKS:
        raise ModelError(f"Gumbel gate: block {block} is not one of {', '.join(map(str, BLOCKS))}")
    if least_blocks < 0:
        raise ModelError(f"Gumbel gate: least_blocks {least_blocks} is below 0")
    if change not in CHANGES:
        raise ModelError(f"Gumbel gate: unknown change {change!r}", hint=f"changes: {', '.join(CHANGES)}")
    if channels < 1 or (channels > 1 and change != "magnitude"):
        raise ModelError(f"Gumbel gate: {channels} channels", hint="1, or with change='magnitude' any number above")
    if not temperature > 0:
        raise ModelError(f"Gumbel gate: temperature {temperature} is not above 0")
