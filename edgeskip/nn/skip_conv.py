"""SkipConv2d: a convolution that computes only what its gate lets through."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.core.errors import InputError, ModelError
from edgeskip.nn import refresh, residual
from edgeskip.nn.gates import Gate
from edgeskip.nn.geometry import SAME_UPPER, Geometry
from edgeskip.nn.site import Frame, Site

MODES = {"refresh": refresh, "residual": residual}


class SkipConv2d(nn.Conv2d):
    """Drop-in for `nn.Conv2d` with a gate. Source: Habibian et al., Skip-Convolutions, CVPR 2021.

    A frame [N, C, H, W] is a step in time: the layer remembers what it needs, N pictures being N streams
    (`reset_state` forgets). A clip [N, T, C, H, W] stands alone: its first frame is computed densely, the others are
    gated, and gradients flow through all of them.

    `mode`: "refresh" recomputes a pixel from the current input where the gate opens (drift-free, docs/contract.md);
    "residual" is the paper's running sum, z_t = z_{t-1} + g * conv(x_t - x_{t-1}), with the bias counted once.
    `padding` may be "same_upper" too. `sites`: how many times a frame passes through this layer; each passage has a
    state of its own, found by the order of the calls. Weight and bias have the names of `nn.Conv2d`, the gate's
    parameters begin with `gate.`; the temporal state is no part of the state dict (`temporal_state_dict`).

    Raises:
        ModelError: an unknown mode, or one that the gate does not work in.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        gate: Gate,
        mode: str = "refresh",
        sites: int = 1,
        name: str = "",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        fixed = 0 if padding == SAME_UPPER else padding
        super().__init__(
            in_channels, out_channels, kernel_size, stride, fixed, dilation, groups, bias, padding_mode, device, dtype
        )
        if mode not in MODES:
            raise ModelError(f"unknown mode {mode!r}", hint=f"modes: {', '.join(MODES)}")
        gate.check_mode(mode)
        pads = SAME_UPPER if padding == SAME_UPPER else tuple(self._reversed_padding_repeated_twice)
        self.geometry = Geometry(self.kernel_size, self.stride, self.dilation, pads, padding_mode)
        if padding == SAME_UPPER:
            self.padding = SAME_UPPER
        gate.bind(self.geometry, in_channels, out_channels)
        self.gate = gate.to(self.weight.device)
        self.mode = mode
        self.name = name
        self.skipping = True
        self.sites = [Site() for _ in range(sites)]
        self._calls = 0
        self._in_frame = False

    @classmethod
    def from_conv(cls, conv: nn.Conv2d, gate: Gate, **options: Any) -> SkipConv2d:
        """The same convolution with a gate; weight and bias are those of `conv`, not copies.

        `options`: mode, sites, name, and padding where it is not the one of `conv`.
        """
        padding = options.pop("padding", conv.padding)
        layer = cls(
            conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, padding, conv.dilation,
            conv.groups, conv.bias is not None, conv.padding_mode,
            gate=gate, device=conv.weight.device, dtype=conv.weight.dtype, **options,
        )  # fmt: skip
        layer.weight, layer.bias = conv.weight, conv.bias
        return layer.train(conv.training)

    @property
    def macs_per_pixel(self) -> int:
        """Multiply-accumulates of one output pixel."""
        return self.weight.numel()

    def forward(self, x: Tensor) -> Tensor:
        """Frame [N, C, H, W] -> [N, O, h, w], a step in time; clip [N, T, C, H, W] -> [N, T, O, h, w], stateless.

        Raises:
            InputError: another shape than the state's, or not a frame or clip.
            ModelError: a frame passes more often than the layer has sites.
        """
        if x.dim() == 5:
            return self._clip(x)
        if x.dim() != 4:
            raise InputError(f"{self._title()}: input {list(x.shape)} is neither [N, C, H, W] nor [N, T, C, H, W]")
        if not self.skipping:
            return self.convolve(x)
        site = self._next_site()
        self._check_state(x, site)
        frame = self._step(x, site.state)
        site.state = frame.state
        site.record.add(frame)
        # activations that work in place follow many convolutions, and must not reach the state
        return frame.output.clone()

    def convolve(self, x: Tensor) -> Tensor:
        """The dense convolution, bias included."""
        return self.geometry.convolve(x, self.weight, self.bias, self.groups)

    def convolve_change(self, residual: Tensor) -> Tensor:
        """The dense convolution of a difference: without bias."""
        return self.geometry.convolve(residual, self.weight, None, self.groups)

    def begin_frame(self) -> None:
        """The network says that a frame begins (a hook that `convert` puts on it)."""
        self._in_frame, self._calls = True, 0

    def end_frame(self) -> None:
        """The network says that a frame ends."""
        self._in_frame, self._calls = False, 0

    def _step(self, x: Tensor, state: dict[str, Tensor] | None) -> Frame:
        return MODES[self.mode].step(self, x, state)

    def _clip(self, clip: Tensor) -> Tensor:
        if not clip.shape[1]:
            raise InputError(f"{self._title()}: the clip {list(clip.shape)} has no frame")
        if not self.skipping:
            return self.convolve(clip.flatten(0, 1)).unflatten(0, clip.shape[:2])
        outputs, state = [], None
        for x in clip.unbind(1):
            frame = self._step(x, state)
            state = frame.state
            self.sites[0].record.add(frame)
            outputs.append(frame.output)
        return torch.stack(outputs, 1)

    def _next_site(self) -> Site:
        index = self._calls
        if not self._in_frame:
            self._calls = (index + 1) % len(self.sites)
            return self.sites[index]
        if index >= len(self.sites):
            raise ModelError(
                f"{self._title()} is used more than {_times(len(self.sites))} in one frame: it can't tell which state "
                "belongs to which use",
                hint="convert again with Policy(shared='per_call') and an example input, or exclude the layer by name",
            )
        self._calls = index + 1
        return self.sites[index]

    def _check_state(self, x: Tensor, site: Site) -> None:
        if site.state is None or x.shape == site.shape:
            site.shape = x.shape
            return
        raise InputError(
            f"{self._title()}: input {list(x.shape)} does not fit the state of the frame before, {list(site.shape)}",
            hint="call edgeskip.nn.reset_state(model) where the size or the number of streams changes; "
            "a layer that is used twice in a frame needs Policy(shared='per_call')",
        )

    def _title(self) -> str:
        return f"layer {self.name!r}" if self.name else type(self).__name__

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles have no temporal state: it may hold a gradient graph, which can't be copied."""
        return {**super().__getstate__(), "sites": [Site() for _ in self.sites], "_calls": 0, "_in_frame": False}

    def extra_repr(self) -> str:
        """What `print(model)` shows."""
        return f"{super().extra_repr()}, mode={self.mode}, sites={len(self.sites)}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
