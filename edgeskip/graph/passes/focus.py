"""Focus, the pixels of each block as channels, goes into the convolution behind it or becomes SpaceToDepth."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.channel_moves import selection
from edgeskip.graph.passes.fused_conv import is_plain_conv, set_weights
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.movement import Tracer, block_places, is_end, moves_only, picture_shape


def focus(graph: Graph) -> int:
    """Rewrite slices with a step, Reshape and Transpose, or SpaceToDepth, found by what they do."""
    links = Links(graph)
    tracer = Tracer(graph, links)
    changes = 0
    for node in list(graph.nodes):
        if not moves_only(graph, node) or len(node.outputs) != 1:
            continue
        found = _places(graph, tracer, node.outputs[0]) if is_end(graph, links, node.outputs[0]) else None
        if found is None:
            continue
        root, block, places = found
        for conv in [reader for reader in links.readers(node.outputs[0]) if _can_widen(reader, node.outputs[0])]:
            _widen(graph, conv, graph.shape(root)[1], block, places)
            links.set_inputs(conv, [root, *conv.inputs[1:]])
            changes += 1
        if (links.readers(node.outputs[0]) or links.is_output(node.outputs[0])) and not _is_direct(links, node):
            changes += _to_space_to_depth(graph, links, node, root, block, places)
    if changes:
        graph.remove_unused()
    return changes


def _places(graph: Graph, tracer: Tracer, tensor: str) -> tuple[str, int, np.ndarray] | None:
    target = picture_shape(graph, tensor)
    if target is None:
        return None
    for root, shape in tracer.roots(tensor):
        if shape[2] < 2 * target[2] or shape[2] % target[2]:
            continue
        positions = tracer.positions(tensor, root, shape)
        found = None if positions is None else block_places(positions, shape)
        if found is not None:
            return root, *found
    return None


def _can_widen(node: Node, tensor: str) -> bool:
    if not is_plain_conv(node) or node.inputs[0] != tensor or node.inputs.count(tensor) != 1:
        return False
    attributes = node.attributes
    return not attributes["transposed"] and attributes["group"] == 1 and attributes["dilations"] == [1, 1]


def _widen(graph: Graph, conv: Node, channels: int, block: int, places: np.ndarray) -> None:
    """w'[o, c, b * i + row, b * j + column] = w[o, k, i, j] for k at (c, row, column); all geometry times b."""
    weight = graph.constants[conv.inputs[1]]
    outputs, _, height, width = weight.shape
    wide = np.zeros((outputs, channels, height * block, width * block), np.float64)
    for index, (channel, row, column) in enumerate(places):
        wide[:, channel, row::block, column::block] += weight[:, index]
    set_weights(graph, conv, wide, None)
    for name in ("kernel_shape", "strides", "pads"):
        conv.attributes[name] = [block * size for size in conv.attributes[name]]


def _is_direct(links: Links, node: Node) -> bool:
    """Whether `node` is a SpaceToDepth already, or a choice of channels of one."""
    producer = links.producers.get(node.inputs[0])
    behind = producer is not None and producer.op_type == "SpaceToDepth" and node.op_type in ("Gather", "Slice")
    return node.op_type == "SpaceToDepth" or behind


def _to_space_to_depth(graph: Graph, links: Links, node: Node, root: str, block: int, places: np.ndarray) -> bool:
    """SpaceToDepth orders its channels by row, column, channel; a Gather brings another order about.

    Where few pixels of each block are chosen, slices are cheaper than the whole: they stay.
    """
    shape, output = graph.shape(root), node.outputs[0]
    total = shape[1] * block * block
    if len(places) < total:
        return False
    order = (places[:, 1] * block + places[:, 2]) * shape[1] + places[:, 0]
    in_order = np.array_equal(order, np.arange(total))
    blocks = output if in_order else graph.fresh(f"{output}.blocks")
    node.outputs = [graph.fresh(f"{output}.moved")]
    position = graph.nodes.index(node)
    graph.nodes.insert(position, Node("SpaceToDepth", [root], [blocks], {"blocksize": block}))
    if not in_order:
        info = graph.info[root]
        graph.info[blocks] = TensorInfo(info.dtype, (shape[0], total, shape[2] // block, shape[3] // block))
        graph.nodes.insert(position + 1, selection(graph, blocks, order, output))
    return True
