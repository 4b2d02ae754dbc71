"""SkipMask, and the candidates of a convolution: how a mask passes through an op."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgeskip.graph.ir import Node
from edgeskip.graph.reference.convolution import convolve_node
from edgeskip.graph.reference.pooling import windows
from edgeskip.graph.reference.registry import reference
from edgeskip.graph.reference.resize import resize


def candidates(node: Node, mask_x: np.ndarray, mask_z: np.ndarray | None = None) -> np.ndarray:
    """bool [N, 1, H, W]: output pixels of a SkipConv that read a changed input pixel."""
    single = Node(node.op_type, [], [], {**node.attributes, "group": 1})
    ones = np.ones((1, 1, *node.attributes["kernel_shape"]))
    reached = convolve_node(single, (mask_x != 0).astype(np.float64), ones) > 0
    return reached if mask_z is None else reached | (mask_z != 0)


def pass_mask(node: Node, masks: Sequence[np.ndarray]) -> np.ndarray:
    """int32 [N, 1, H, W] of a SkipMask node."""
    first, attributes = masks[0], node.attributes
    kind = attributes["kind"]
    if kind == "union":
        return np.maximum.reduce(np.broadcast_arrays(*masks))
    if kind == "pool":
        geometry = {key: attributes[key] for key in ("kernel_shape", "strides", "pads", "dilations", "ceil_mode")}
        return windows(first, **geometry, fill=0).max(axis=0)
    if kind == "resize":
        return _resized(attributes, first)
    if kind == "reduce":
        return first.max(axis=(2, 3), keepdims=True)
    if kind == "slice":
        rows, columns = (slice(*(attributes[key][axis] for key in ("starts", "ends", "steps"))) for axis in (0, 1))
        return first[:, :, rows, columns]
    if kind == "pad":
        return _padded(first, attributes["pads"])
    if kind == "upsample":
        return first.repeat(attributes["factor"], axis=2).repeat(attributes["factor"], axis=3)
    raise ValueError(f"unknown mask kind {kind!r}")


@reference("SkipMask")
def skip_mask(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """The mask of an op's output, from those of its inputs."""
    return [np.ascontiguousarray(pass_mask(node, inputs), np.int32)]


def _resized(attributes: dict, mask: np.ndarray) -> np.ndarray:
    sizes, scales = attributes["sizes"], attributes["scales"]
    coordinates, nearest = attributes["coordinate_transformation_mode"], attributes["nearest_mode"]
    return resize((mask != 0).astype(np.float64), sizes, scales, attributes["mode"], coordinates, nearest) > 0


def _padded(mask: np.ndarray, pads: Sequence[int]) -> np.ndarray:
    rows = np.clip(np.arange(-pads[0], mask.shape[2] + pads[2]), 0, mask.shape[2] - 1)
    columns = np.clip(np.arange(-pads[1], mask.shape[3] + pads[3]), 0, mask.shape[3] - 1)
    return mask[:, :, rows][:, :, :, columns]
