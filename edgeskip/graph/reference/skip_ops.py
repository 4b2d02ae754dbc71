"""SkipGate and SkipConv: architecture section 2, line by line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.activations import channel_norm
from edgeskip.graph.reference.convolution import fused
from edgeskip.graph.reference.masks import candidates
from edgeskip.graph.reference.pooling import windows
from edgeskip.graph.reference.registry import reference


@reference("SkipGate")
def skip_gate(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """y = where(mask, x, ref): a pixel whose change stays below both thresholds keeps its old value."""
    x, ref = inputs
    norm, window = node.attributes["norm"], node.attributes["window"]
    difference = x.astype(np.float64) - ref
    texture = _box_mean(channel_norm(difference, norm), window)
    signed = channel_norm(_box_mean(difference, window), norm)
    unchanged = (texture <= node.attributes["threshold"]) & (signed <= node.attributes["threshold_signed"])
    mask = ~unchanged
    return [np.where(mask, x, ref), mask.astype(np.int32)]


@reference("SkipConv")
def skip_conv(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """y = where(mask_y, yhat, y_prev), and with a learned gate the pixels that it put off."""
    given = dict(zip(SKIP_CONV.inputs, inputs, strict=False))
    y_prev, gate = given["y_prev"], given.get("gate")
    active = candidates(node, given["mask_x"], given.get("mask_z"))
    pending = []
    if gate is not None:
        wanted = (given["pending"] != 0) | active
        active = wanted & ((gate != 0) | np.isnan(y_prev).any(axis=1, keepdims=True))
        pending = [(wanted & ~active).astype(np.int32)]
    yhat = fused(node, given["x"], given["w"], given.get("b"), given.get("z"))
    mask = active & ~(_change(node, yhat, y_prev, given.get("channel_weight")) <= node.attributes["threshold"])
    return [np.where(mask, yhat, y_prev), mask.astype(np.int32), *pending]


def _change(node: Node, yhat: np.ndarray, y_prev: np.ndarray, channel_weight: np.ndarray | None) -> np.ndarray:
    difference = yhat.astype(np.float64) - y_prev
    if channel_weight is not None:
        difference = difference * channel_weight.reshape(1, -1, 1, 1)
    return channel_norm(difference, node.attributes["norm"])


def _box_mean(x: np.ndarray, window: int) -> np.ndarray:
    """Mean over a square window clipped to the picture; `window` is odd."""
    if window == 1:
        return x
    geometry = {
        "kernel_shape": [window] * 2, "strides": [1, 1], "pads": [window // 2] * 4, "dilations": [1, 1], "ceil_mode": 0
    }  # fmt: skip
    inside = windows(np.ones((1, 1, *x.shape[2:])), **geometry, fill=0.0).sum(axis=0)
    return windows(x, **geometry, fill=0.0).sum(axis=0) / inside
