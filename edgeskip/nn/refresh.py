"""Mode "refresh": a pixel is recomputed from the current input where its gate opens, and kept elsewhere.

This is SkipGate and SkipConv of docs/contract.md, on one layer. Errors never add up: whatever a gate holds back is
compared again, with the same reference, in every following frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from edgeskip.nn.site import Frame, count

if TYPE_CHECKING:
    from edgeskip.nn.skip_conv import SkipConv2d

State = dict[str, Tensor]
# in a state of which some streams were forgotten, until the next frame; looking for NaN in all others would cost
# a quarter of the time
UNKNOWN = "unknown"


def step(layer: SkipConv2d, x: Tensor, state: State | None) -> Frame:
    """One frame x [N, C, H, W]. `state` None: nothing is known, and everything is computed."""
    if state is None:
        return _reference(layer, x)
    return {"input": _input_gated, "output": _output_gated, "signal": _signal_gated}[layer.gate.watches](
        layer, x, state
    )


def known(state: State, key: str, new: Tensor) -> Tensor:
    """The value of `key`, and that of `new` where it is unknown (NaN)."""
    old = state[key].to(new.dtype)
    return torch.where(old.isnan(), new.detach(), old) if UNKNOWN in state else old


def unknown_pixels(state: State, key: str) -> Tensor | None:
    """Pixels [N, 1, H, W] of a map [N, C, H, W] of the state that hold NaN; None where no stream was forgotten."""
    return state[key].isnan().any(1, keepdim=True) if UNKNOWN in state else None


def changed_pixels(x: Tensor, before: Tensor) -> Tensor:
    """Pixels [N, 1, H, W] whose value differs at all; NaN differs from everything."""
    return (x.detach() != before).any(1, keepdim=True)


def reference_frame(output: Tensor, state: State) -> Frame:
    """A frame that was computed densely, whatever the gate says."""
    computed = torch.ones_like(output[:, :1], dtype=torch.bool)
    return Frame(output, state, computed, torch.zeros_like(count(computed)), None)


def _reference(layer: SkipConv2d, x: Tensor) -> Frame:
    y = layer.convolve(x)
    if layer.gate.watches == "input":
        return reference_frame(y, {"reference": x.clone(), "y": y})
    state = {"x": x.detach().clone(), "y": y}
    if layer.gate.watches == "signal":
        state["pending"] = torch.zeros_like(y[:, :1], dtype=torch.bool)
        state["reference"] = layer.gate.signal(x)
    return reference_frame(y, state)


def _input_gated(layer: SkipConv2d, x: Tensor, state: State) -> Frame:
    """ref = where(norm(x - ref) > threshold, x, ref); y = conv(ref) where a pixel of ref moved."""
    before = known(state, "reference", x)
    decision = layer.gate.decide(x - before).opened(unknown_pixels(state, "reference"))
    reference = decision.blend(x, before)
    computed = decision.spread(layer.geometry)
    y = layer.convolve(reference)
    if decision.soft is None:
        # some convolution algorithms let neighbours change the last bit: a pixel that is not computed must not move
        y = torch.where(computed.open, y, state["y"].to(y.dtype))
    compared = count(changed_pixels(x, state["reference"]))
    return Frame(y, {"reference": reference, "y": y}, computed.open, compared, _amount(computed.amount()))


def _output_gated(layer: SkipConv2d, x: Tensor, state: State) -> Frame:
    """y = where(norm(conv(x) - y) > threshold, conv(x), y) at the candidates, all of which are computed."""
    candidates = layer.geometry.reach(changed_pixels(x, state["x"]))
    yhat = layer.convolve(x)
    before = known(state, "y", yhat)
    decision = layer.gate.decide(yhat - before).opened(unknown_pixels(state, "y")).within(candidates)
    y = decision.blend(yhat, before)
    return Frame(y, {"x": x.detach().clone(), "y": y}, candidates, count(candidates), _amount(decision.amount()))


def _signal_gated(layer: SkipConv2d, x: Tensor, state: State) -> Frame:
    """A = (pending | candidates) & gate; y = where(A, conv(x), y); the gate's reference moves where A."""
    candidates = layer.geometry.reach(changed_pixels(x, state["x"]))
    wanted = state["pending"] | candidates
    signal = layer.gate.signal(x)
    reference = known(state, "reference", signal)
    decision = layer.gate.decide(signal - reference).opened(unknown_pixels(state, "y")).within(wanted)
    yhat = layer.convolve(x)
    y = decision.blend(yhat, known(state, "y", yhat))
    after = {
        "x": x.detach().clone(),
        "y": y,
        "pending": wanted & ~decision.open,
        "reference": decision.blend(signal, reference),
    }
    return Frame(y, after, decision.open, count(candidates), _amount(decision.amount()))


def _amount(amount: Tensor) -> Tensor:
    return amount.sum((1, 2, 3))
