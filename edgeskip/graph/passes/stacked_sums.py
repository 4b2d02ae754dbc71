"""A sum over maps that were stacked along a new axis (BiFPN's fusion as exported) becomes a chain of Add."""

from __future__ import annotations

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.links import Links


def stacked_sums(graph: Graph) -> int:
    """ReduceSum(Concat(Unsqueeze(a), Unsqueeze(b), ...)) over the new axis -> a + b + ..., in that order."""
    links = Links(graph)
    changes = 0
    for node in list(graph.nodes):
        terms = _terms(graph, links, node) if node.op_type == "ReduceSum" and not node.domain else None
        if terms is not None:
            _write(graph, node, terms)
            changes += 1
    graph.remove_unused()
    return changes


def _terms(graph: Graph, links: Links, total: Node) -> list[str] | None:
    """The tensors that `total` adds, or None where it is another sum."""
    stack = links.producers.get(total.inputs[0])
    axes, rank = graph.constant(total.input(1)), len(graph.shape(total.inputs[0]) or ())
    if stack is None or stack.op_type != "Concat" or stack.domain or axes is None or axes.size != 1 or not rank:
        return None
    axis = int(axes.reshape(())) % rank
    if total.attributes.get("keepdims", 1) or stack.attributes["axis"] % rank != axis or len(stack.inputs) < 2:
        return None
    terms = [_unstacked(graph, links, tensor, axis, rank) for tensor in stack.inputs]
    if any(term is None or graph.shape(term) != graph.shape(terms[0]) for term in terms):
        return None
    return terms


def _unstacked(graph: Graph, links: Links, tensor: str, axis: int, rank: int) -> str | None:
    """What was put on the new `axis` to give `tensor`."""
    node = links.producers.get(tensor)
    axes = graph.constant(node.input(1)) if node is not None and node.op_type == "Unsqueeze" else None
    if axes is None or axes.size != 1 or int(axes.reshape(())) % rank != axis:
        return None
    return node.inputs[0]


def _write(graph: Graph, node: Node, terms: list[str]) -> None:
    """`node` becomes the last Add; the others go before it, under names of their own."""
    position, partial = graph.nodes.index(node), terms[0]
    for index, term in enumerate(terms[1:-1]):
        name = graph.fresh(f"{node.outputs[0]}.partial")
        graph.nodes.insert(position + index, Node("Add", [partial, term], [name]))
        graph.info[name] = graph.info[node.outputs[0]]
        partial = name
    node.op_type, node.inputs, node.attributes = "Add", [partial, terms[-1]], {}
