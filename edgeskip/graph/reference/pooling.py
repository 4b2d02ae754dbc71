"""Pooling by explicit taps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from edgeskip.graph.ir import Node
from edgeskip.graph.reference.registry import reference


def pool_geometry(node: Node, size: tuple[int, int]) -> dict[str, list[int] | int]:
    """kernel_shape, strides, pads, dilations and ceil_mode of a pooling node, `auto_pad` resolved for `size`."""
    attributes = node.attributes
    kernel = list(attributes["kernel_shape"])
    strides, dilations = list(attributes.get("strides", [1, 1])), list(attributes.get("dilations", [1, 1]))
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    auto_pad = attributes.get("auto_pad", "NOTSET")
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        reach = [dilations[axis] * (kernel[axis] - 1) + 1 for axis in (0, 1)]
        outputs = [-(-size[axis] // strides[axis]) for axis in (0, 1)]
        total = [max(0, (outputs[axis] - 1) * strides[axis] + reach[axis] - size[axis]) for axis in (0, 1)]
        small, large = [value // 2 for value in total], [value - value // 2 for value in total]
        pads = small + large if auto_pad == "SAME_UPPER" else large + small
    ceil_mode = int(attributes.get("ceil_mode", 0))
    return {
        "kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations, "ceil_mode": ceil_mode
    }  # fmt: skip


def windows(
    x: np.ndarray,
    kernel_shape: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    ceil_mode: int,
    fill: float,
) -> np.ndarray:
    """[taps, N, C, OH, OW]: what each tap of the window sees, `fill` outside the picture."""
    sizes, extra = [], []
    for axis in (0, 1):
        padded = x.shape[2 + axis] + pads[axis] + pads[axis + 2]
        room = padded - dilations[axis] * (kernel_shape[axis] - 1) - 1
        size = (-(-room // strides[axis]) if ceil_mode else room // strides[axis]) + 1
        # a window that starts behind the picture and its first padding does not count
        if ceil_mode and (size - 1) * strides[axis] >= x.shape[2 + axis] + pads[axis]:
            size -= 1
        sizes.append(size)
        extra.append(max(0, (size - 1) * strides[axis] - room))
    spatial = ((pads[0], pads[2] + extra[0]), (pads[1], pads[3] + extra[1]))
    padded = np.pad(x, ((0, 0), (0, 0), *spatial), constant_values=fill)
    taps = []
    for row, column in product(range(kernel_shape[0]), range(kernel_shape[1])):
        top, left = row * dilations[0], column * dilations[1]
        rows = slice(top, top + (sizes[0] - 1) * strides[0] + 1, strides[0])
        taps.append(padded[:, :, rows, left : left + (sizes[1] - 1) * strides[1] + 1 : strides[1]])
    return np.stack(taps)


@reference("MaxPool")
def max_pool(node: Node, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    """Maximum over the window clipped to the picture."""
    (x,) = inputs
    return [windows(x, **pool_geometry(node, x.shape[2:]), fill=-np.inf).max(axis=0).astype(x.dtype)]


@reference("AveragePool")
def average_pool(node: Node, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    """Mean over the window; the divisor counts padding where `count_include_pad` says so."""
    (x,) = inputs
    geometry = pool_geometry(node, x.shape[2:])
    inside = np.ones((1, 1, *x.shape[2:]))
    if node.attributes.get("count_include_pad", 0):
        pads = geometry["pads"]
        inside = np.pad(inside, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])), constant_values=1)
        x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
        geometry = {**geometry, "pads": [0, 0, 0, 0]}
    total = windows(x.astype(np.float64), **geometry, fill=0.0).sum(axis=0)
    return [(total / windows(inside, **geometry, fill=0.0).sum(axis=0)).astype(np.float32)]


@reference("GlobalAveragePool")
def global_average_pool(node: Node, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    """Mean of the picture, [N, C, 1, 1]."""
    return [np.mean(inputs[0], axis=(2, 3), keepdims=True, dtype=np.float64).astype(np.float32)]


@reference("GlobalMaxPool")
def global_max_pool(node: Node, inputs: list[np.ndarray | None]) -> list[np.ndarray]:
    """Maximum of the picture, [N, C, 1, 1]."""
    return [np.max(inputs[0], axis=(2, 3), keepdims=True)]
