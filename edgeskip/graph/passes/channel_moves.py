"""Channel shuffles and selections, in whatever form, become one Gather or Slice over channels."""

from __future__ import annotations

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.movement import Shape4, Tracer, channels_of, is_end, moves_only, picture_shape


def channel_moves(graph: Graph) -> int:
    """Rewrite the last tensor of each chain that keeps pixels in place; the rest of the chain dies.

    ShuffleNet's Reshape, Transpose, Reshape, Gather (Zhang et al. 2018, section 3.1) ends here too.
    """
    links = Links(graph)
    tracer = Tracer(graph, links)
    found: dict[str, tuple[str, np.ndarray]] = {}
    for node in graph.nodes:
        if not moves_only(graph, node):
            continue
        for tensor in node.outputs:
            choice = _choice(graph, tracer, tensor) if is_end(graph, links, tensor) else None
            if choice is not None and not (choice[0] == node.inputs[0] and _is_canonical(graph, node)):
                found[tensor] = choice
    for tensor, (root, channels) in found.items():
        _rewrite(graph, links, tensor, root, channels)
    if found:
        graph.remove_unused()
    return len(found)


def _choice(graph: Graph, tracer: Tracer, tensor: str) -> tuple[str, np.ndarray] | None:
    shape = picture_shape(graph, tensor)
    if shape is None:
        return None
    for root, root_shape in tracer.roots(tensor):
        channels = _channels(tracer, tensor, root, root_shape)
        if channels is not None:
            return root, channels
    return None


def _channels(tracer: Tracer, tensor: str, root: str, shape: Shape4) -> np.ndarray | None:
    target = picture_shape(tracer.graph, tensor)
    if target is None or target[2:] != shape[2:]:
        return None
    positions = tracer.positions(tensor, root, shape)
    return None if positions is None else channels_of(positions, shape)


def _is_canonical(graph: Graph, node: Node) -> bool:
    """Whether `node` is the Split, Slice, Gather over channels or the Identity that this pass would write."""
    if node.op_type == "Identity":
        return True
    if node.op_type == "Split":
        return node.attributes.get("axis", 0) in (1, -3)
    if node.op_type == "Slice":
        axes = graph.constant(node.input(3))
        return axes is not None and [axis % 4 for axis in axes.tolist()] == [1]
    if node.op_type == "Gather":
        indices = graph.constants[node.inputs[1]]
        return node.attributes.get("axis", 0) == 1 and indices.ndim == 1 and not _is_run(indices)
    return False


def _is_run(indices: np.ndarray) -> bool:
    """Whether the indices are consecutive, so that a Slice says the same."""
    return bool((indices >= 0).all() and (np.diff(indices) == 1).all())


def _rewrite(graph: Graph, links: Links, tensor: str, root: str, channels: np.ndarray) -> None:
    """Let one node write `tensor` from `root`; the old node writes a tensor that nobody reads."""
    node = links.producers[tensor]
    fresh = graph.fresh(f"{tensor}.moved")
    node.outputs = [fresh if name == tensor else name for name in node.outputs]
    new = selection(graph, root, channels, tensor)
    graph.nodes.insert(graph.nodes.index(node), new)
    links.producers[tensor] = new


def selection(graph: Graph, source: str, channels: np.ndarray, output: str) -> Node:
    """Identity, Slice or Gather that writes `channels` of `source` to `output`."""
    shape = graph.shape(source)
    if shape is not None and np.array_equal(channels, np.arange(shape[1])):
        return Node("Identity", [source], [output])
    if _is_run(channels):
        bounds = (("starts", channels[0]), ("ends", channels[-1] + 1), ("axes", 1))
        names = [graph.add_constant(f"{output}.{name}", np.array([value], np.int64)) for name, value in bounds]
        return Node("Slice", [source, *names], [output])
    indices = graph.add_constant(f"{output}.channels", channels.astype(np.int64))
    return Node("Gather", [source, indices], [output], {"axis": 1})
