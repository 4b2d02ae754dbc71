"""The Add of a residual block moves into the convolution before it: act(conv(x) + b + z)."""

from __future__ import annotations

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.fused_conv import is_linear, is_plain_conv
from edgeskip.graph.passes.links import Links


def fuse_residuals(graph: Graph) -> int:
    """Fuse Add (or a Sum of two) whose operands have one shape; of two convolutions the later one takes it.

    The convolution's output has no other reader, so the other operand can't depend on it: no cycle.
    """
    links = Links(graph)
    position = {node: index for index, node in enumerate(graph.nodes)}
    changes = 0
    for node in list(graph.nodes):
        if node.op_type not in ("Add", "Sum") or node.domain or len(node.inputs) != 2:
            continue
        candidates = [links.producers.get(tensor) for tensor in node.inputs if _can_take(graph, links, node, tensor)]
        if candidates:
            conv = max(candidates, key=lambda candidate: position[candidate])
            _fuse(links, conv, node)
            changes += 1
    links.finish(reorder=changes > 0)
    return changes


def _can_take(graph: Graph, links: Links, add: Node, tensor: str) -> bool:
    """Whether the convolution that writes `tensor` can take the other operand as its residual."""
    conv = links.producers.get(tensor)
    if not is_plain_conv(conv) or not is_linear(conv) or links.sole_consumer(tensor) is not add:
        return False
    other = add.inputs[1] if add.inputs[0] == tensor else add.inputs[0]
    shape = graph.shape(tensor)
    known = shape is not None and None not in shape
    return other != tensor and known and other not in graph.constants and graph.shape(other) == shape


def _fuse(links: Links, conv: Node, add: Node) -> None:
    residual = add.inputs[1] if add.inputs[0] == conv.outputs[0] else add.inputs[0]
    links.set_inputs(conv, [*conv.inputs[:2], conv.input(2), residual])
    links.merge(conv, [add], add.outputs[0])
