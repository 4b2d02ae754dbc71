"""Means and maxima over height and width become GlobalAveragePool and GlobalMaxPool."""

from __future__ import annotations

from edgeskip.graph.ir import Dim, Graph, Node
from edgeskip.graph.passes.links import Links

_REDUCTIONS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}
_POOLS = {"AveragePool": "GlobalAveragePool", "MaxPool": "GlobalMaxPool"}


def global_pools(graph: Graph) -> int:
    """Rewrite reductions of a picture to [N,C,1,1], and pools whose window is the picture."""
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        shape = graph.shape(node.inputs[0]) if node.inputs else None
        if node.domain or shape is None or len(shape) != 4:
            continue
        if node.op_type in _REDUCTIONS and _reduces_picture(graph, node):
            changes += _rewrite_reduction(graph, links, node)
        elif node.op_type in _POOLS and _covers(node, shape):
            _rewrite(node, _POOLS[node.op_type])
            changes += 1
    links.finish()
    return changes


def _rewrite(node: Node, op_type: str) -> None:
    node.op_type, node.inputs, node.attributes = op_type, node.inputs[:1], {}


def _reduces_picture(graph: Graph, node: Node) -> bool:
    axes = node.attributes.get("axes")
    if axes is None and node.input(1):
        value = graph.constant(node.inputs[1])
        axes = None if value is None else value.reshape(-1).tolist()
    return axes is not None and sorted(axis % 4 for axis in axes) == [2, 3]


def _rewrite_reduction(graph: Graph, links: Links, node: Node) -> bool:
    """With keepdims in place; without it, only where the next node brings the axes back."""
    if node.attributes.get("keepdims", 1):
        _rewrite(node, _REDUCTIONS[node.op_type])
        return True
    follower = links.sole_consumer(node.outputs[0])
    if follower is None or follower.op_type not in ("Reshape", "Unsqueeze"):
        return False
    shape, source = graph.shape(follower.outputs[0]), graph.shape(node.inputs[0])
    if shape is None or source is None or shape != (*source[:2], 1, 1):
        return False
    links.merge(node, [follower], follower.outputs[0])
    _rewrite(node, _REDUCTIONS[node.op_type])
    return True


def _covers(node: Node, shape: tuple[Dim, ...]) -> bool:
    """Whether the pooling window is the whole picture, read once."""
    attributes = node.attributes
    is_plain = not any(attributes.get("pads", [0])) and attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    undilated = all(step == 1 for step in attributes.get("dilations", [1]))
    return is_plain and undilated and list(shape[2:]) == list(attributes["kernel_shape"]) and not node.output(1)
