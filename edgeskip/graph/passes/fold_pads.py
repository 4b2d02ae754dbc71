"""A Pad of height and width goes into the convolution or pooling behind it, where that is exact."""

from __future__ import annotations

import math

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.fused_conv import is_fused_conv, is_plain_conv
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.ramp import scalar
from edgeskip.graph.passes.value_range import is_nonnegative


def fold_pads(graph: Graph) -> int:
    """Each reader takes the pads on its own; the Pad goes when nobody reads it any more."""
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        pads, value = _padding(graph, node)
        if pads is None or value is None:
            continue
        for reader in list(links.readers(node.outputs[0])):
            if _accepts(links, reader, node, pads, value):
                _take(links, reader, node, pads)
                changes += 1
    links.finish()
    return changes


def _padding(graph: Graph, node: Node) -> tuple[list[int] | None, float | None]:
    """Pads [top, left, bottom, right] and fill value of a constant Pad of a picture, else None."""
    shape = graph.shape(node.inputs[0]) if node.op_type == "Pad" and node.domain == "" else None
    if shape is None or len(shape) != 4 or node.attributes.get("mode", "constant") != "constant":
        return None, None
    pads = graph.constant(node.input(1))
    axes = graph.constant(node.input(3)) if node.input(3) else np.arange(4)
    if pads is None or axes is None:
        return None, None
    full = np.zeros((2, 4), np.int64)
    full[:, axes] = pads.reshape(2, -1)
    if (full < 0).any() or full[:, :2].any():
        return None, None
    return [int(size) for size in full[:, 2:].reshape(-1)], scalar(graph, node.inputs[2]) if node.input(2) else 0.0


def _accepts(links: Links, reader: Node, pad: Node, pads: list[int], value: float) -> bool:
    if reader.inputs[0] != pad.outputs[0] or reader.inputs.count(pad.outputs[0]) != 1:
        return False
    if is_fused_conv(reader):
        return value == 0 and not reader.attributes["transposed"] and is_plain_conv(reader)
    if reader.domain or reader.op_type not in ("MaxPool", "AveragePool") or reader.output(1):
        return False
    source = reader.attributes
    if source.get("auto_pad", "NOTSET") != "NOTSET" or source.get("ceil_mode", 0) or not _is_small(reader, pads):
        return False
    if reader.op_type == "AveragePool":
        return value == 0 and (bool(source.get("count_include_pad", 0)) or not any(source.get("pads", [0])))
    # The pooling's own padding is minus infinity: a zero differs from it only where all values are negative.
    is_least = value == -math.inf or value <= float(np.finfo(np.float32).min)
    return is_least or (value == 0 and is_nonnegative(links, pad.inputs[0]))


def _is_small(pool: Node, pads: list[int]) -> bool:
    """Pooling must find at least one real pixel in each window, and runtimes refuse wider pads."""
    total = [a + b for a, b in zip(pool.attributes.get("pads", [0, 0, 0, 0]), pads, strict=True)]
    return all(size < kernel for size, kernel in zip(total, pool.attributes["kernel_shape"] * 2, strict=True))


def _take(links: Links, reader: Node, pad: Node, pads: list[int]) -> None:
    own = reader.attributes.get("pads", [0, 0, 0, 0])
    reader.attributes = {**reader.attributes, "pads": [a + b for a, b in zip(own, pads, strict=True)]}
    if reader.op_type == "AveragePool":
        reader.attributes["count_include_pad"] = 1
    links.set_inputs(reader, [pad.inputs[0], *reader.inputs[1:]])
