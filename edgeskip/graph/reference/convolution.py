"""Convolution and transposed convolution by explicit taps, accumulated in float64."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from edgeskip.graph.ir import Node
from edgeskip.graph.reference.activations import activate
from edgeskip.graph.reference.registry import reference


def convolve(
    x: np.ndarray, w: np.ndarray, strides: Sequence[int], pads: Sequence[int], dilations: Sequence[int], group: int = 1
) -> np.ndarray:
    """float64 [N, Cout, OH, OW] of x [N, Cin, H, W] and w [Cout, Cin/group, kh, kw]; pads: top, left, bottom, right."""
    x = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    height, width = (
        (x.shape[2 + axis] - dilations[axis] * (w.shape[2 + axis] - 1) - 1) // strides[axis] + 1 for axis in (0, 1)
    )
    y = np.zeros((x.shape[0], w.shape[0], height, width))
    for row, column in product(range(w.shape[2]), range(w.shape[3])):
        top, left = row * dilations[0], column * dilations[1]
        tap = x[:, :, top : top + height * strides[0] : strides[0], left : left + width * strides[1] : strides[1]]
        y += _mix(tap[:, :, :height, :width], w[:, :, row, column].astype(np.float64), group)
    return y


def convolve_transposed(
    x: np.ndarray,
    w: np.ndarray,
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    group: int = 1,
    output_padding: Sequence[int] = (0, 0),
) -> np.ndarray:
    """float64 [N, Cout, OH, OW] of x [N, Cin, H, W] and w [Cin, Cout/group, kh, kw]."""
    n, _, height, width = x.shape
    full = [
        (x.shape[2 + axis] - 1) * strides[axis] + dilations[axis] * (w.shape[2 + axis] - 1) + 1 + output_padding[axis]
        for axis in (0, 1)
    ]
    y = np.zeros((n, w.shape[1] * group, *full))
    for row, column in product(range(w.shape[2]), range(w.shape[3])):
        top, left = row * dilations[0], column * dilations[1]
        rows = slice(top, top + (height - 1) * strides[0] + 1, strides[0])
        columns = slice(left, left + (width - 1) * strides[1] + 1, strides[1])
        tap = w[:, :, row, column].astype(np.float64).reshape(group, -1, w.shape[1])
        y[:, :, rows, columns] += _mix(x.astype(np.float64), tap.transpose(0, 2, 1).reshape(-1, tap.shape[1]), group)
    return y[:, :, pads[0] : full[0] - pads[2], pads[1] : full[1] - pads[3]]


def convolve_node(node: Node, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The convolution of a FusedConv or SkipConv, without bias and activation."""
    attributes = node.attributes
    geometry = attributes["strides"], attributes["pads"], attributes["dilations"], attributes["group"]
    if attributes["transposed"]:
        return convolve_transposed(x, w, *geometry, attributes["output_padding"])
    return convolve(x, w, *geometry)


def fused(
    node: Node, x: np.ndarray, w: np.ndarray, b: np.ndarray | None = None, z: np.ndarray | None = None
) -> np.ndarray:
    """float32 act(conv(x, w) + b + z)."""
    value = convolve_node(node, x, w)
    if b is not None:
        value += b.astype(np.float64).reshape(1, -1, 1, 1)
    if z is not None:
        value += z
    attributes = node.attributes
    return activate(value, attributes["activation"], attributes["alpha"], attributes["beta"]).astype(np.float32)


@reference("FusedConv")
def fused_conv(node: Node, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    """The dense convolution of the canonical graph."""
    return [fused(node, *inputs)]


def _mix(x: np.ndarray, w: np.ndarray, group: int) -> np.ndarray:
    """Channels of every pixel: x [N, Cin, H, W], w [Cout, Cin/group] -> [N, Cout, H, W]."""
    n, channels, height, width = x.shape
    pixels = x.reshape(n, group, channels // group, height * width)
    weights = w.reshape(group, -1, w.shape[1])
    return (weights @ pixels).reshape(n, w.shape[0], height, width)
