"""Mode "residual": the running sum of the paper, z_t = z_{t-1} + g * conv(x_t - x_{t-1}).

Habibian et al., Skip-Convolutions, CVPR 2021, eq. 3 and 4. The bias is counted once, in the first frame. What a gate
holds back is lost: the output drifts, which is why the contract has no such mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgeskip.nn.refresh import UNKNOWN, changed_pixels, known, reference_frame, unknown_pixels
from edgeskip.nn.site import Frame, count

if TYPE_CHECKING:
    from edgeskip.nn.gates import Decision
    from edgeskip.nn.skip_conv import SkipConv2d

State = dict[str, Tensor]


def step(layer: SkipConv2d, x: Tensor, state: State | None) -> Frame:
    """One frame x [N, C, H, W]. `state` None: nothing is known, and everything is computed."""
    if state is None:
        y = layer.convolve(x)
        return reference_frame(y, {"x": x.clone(), "y": y})
    # an unknown stream starts from zeros: conv(x - 0) + bias is its dense output
    last = state["x"].to(x.dtype)
    residual = x - (torch.nan_to_num(last) if UNKNOWN in state else last)
    update = layer.convolve_change(residual)
    before = known(state, "y", _start(layer, update))
    moved = changed_pixels(x, state["x"])
    candidates = layer.geometry.reach(moved)
    decision = _decide(layer, residual, update).opened(unknown_pixels(state, "y")).within(candidates)
    y = decision.blend(before + update, before)
    watches = layer.gate.watches
    computed = candidates if watches == "output" else decision.open
    compared = count(moved if watches == "input" else candidates)
    return Frame(y, {"x": x.clone(), "y": y}, computed, compared, decision.amount().sum((1, 2, 3)))


def _decide(layer: SkipConv2d, residual: Tensor, update: Tensor) -> Decision:
    """The gate's decision on the output's grid."""
    gate = layer.gate
    if gate.watches == "input":
        return gate.decide(residual).spread(layer.geometry)
    return gate.decide(update if gate.watches == "output" else gate.residual_signal(residual))


def _start(layer: SkipConv2d, like: Tensor) -> Tensor:
    bias = torch.zeros_like(like) if layer.bias is None else layer.bias.to(like.dtype).view(1, -1, 1, 1)
    return bias.expand_as(like)
