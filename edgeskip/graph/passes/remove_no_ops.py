"""Nodes that copy their input go: Identity, Dropout, and the forms of other ops that change nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.value_range import is_nonnegative


def remove_no_ops(graph: Graph) -> int:
    """Let readers of a copy read the original; a copy that is a graph output gives its name to the original."""
    links = Links(graph)
    changes = 0
    for node in graph.nodes:
        if node.domain == "" and _is_no_op(graph, links, node):
            changes += bypass(graph, links, node)
    links.finish()
    return changes


def bypass(graph: Graph, links: Links, node: Node) -> bool:
    """Take `node`, a copy of its first input, out; False where both tensors must stay."""
    source, copy = node.inputs[0], node.outputs[0]
    if not links.is_output(copy):
        links.redirect(copy, source)
        links.drop(node)
        return True
    producer = links.producers.get(source)
    if producer is None or links.is_output(source):
        return False
    links.drop(node)
    links.redirect(source, copy)
    producer.outputs = [copy if name == source else name for name in producer.outputs]
    links.producers[copy] = producer
    return True


def _is_no_op(graph: Graph, links: Links, node: Node) -> bool:
    test = _TESTS.get(node.op_type)
    return test is not None and test(graph, links, node)


def _same_shape(graph: Graph, _links: Links, node: Node) -> bool:
    shape = graph.shape(node.outputs[0])
    return shape is not None and None not in shape and shape == graph.shape(node.inputs[0])


def _dropout(graph: Graph, links: Links, node: Node) -> bool:
    training = node.input(2)
    value = graph.constant(training)
    is_inference = not training or (value is not None and not value.any())
    return is_inference and not (node.output(1) and (links.readers(node.output(1)) or links.is_output(node.output(1))))


def _cast(graph: Graph, _links: Links, node: Node) -> bool:
    info = graph.info.get(node.inputs[0])
    target = graph.info.get(node.outputs[0])
    return info is not None and target is not None and info.dtype == target.dtype


def _transpose(_graph: Graph, _links: Links, node: Node) -> bool:
    order = node.attributes.get("perm")
    return order is not None and list(order) == sorted(order)


def _pad(graph: Graph, _links: Links, node: Node) -> bool:
    pads = graph.constant(node.input(1))
    return pads is not None and not pads.any()


def _slice(graph: Graph, links: Links, node: Node) -> bool:
    steps = graph.constant(node.input(4)) if node.input(4) else np.ones(1)
    return steps is not None and (steps == 1).all() and _same_shape(graph, links, node)


def _neutral(element: float) -> Callable[[Graph, Links, Node], bool]:
    def test(graph: Graph, links: Links, node: Node) -> bool:
        """Input 1 is constant and neutral (for Add and Mul, input 0 after swapping)."""
        if node.op_type in ("Add", "Mul") and node.inputs[0] in graph.constants:
            node.inputs = node.inputs[::-1]
        value = graph.constant(node.inputs[1])
        return value is not None and bool((value == element).all()) and _same_shape(graph, links, node)

    return test


def _pool(_graph: Graph, _links: Links, node: Node) -> bool:
    sizes = [*node.attributes["kernel_shape"], *node.attributes.get("strides", [1])]
    return all(size == 1 for size in sizes) and not any(node.attributes.get("pads", [0])) and not node.output(1)


def _resize(graph: Graph, links: Links, node: Node) -> bool:
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    scales = graph.constant(node.input(2))
    unscaled = scales is None or scales.size == 0 or (scales == 1).all()
    return unscaled and mode != "tf_crop_and_resize" and _same_shape(graph, links, node)


_TESTS: dict[str, Callable[[Graph, Links, Node], bool]] = {
    "Identity": lambda graph, links, node: True,
    "Dropout": _dropout,
    "Cast": _cast,
    "Reshape": _same_shape,
    "Flatten": _same_shape,
    "Expand": _same_shape,
    "Transpose": _transpose,
    "Pad": _pad,
    "Slice": _slice,
    "Concat": lambda graph, links, node: len(node.inputs) == 1,
    "Split": lambda graph, links, node: len(node.outputs) == 1,
    "Sum": lambda graph, links, node: len(node.inputs) == 1,
    "Relu": lambda graph, links, node: is_nonnegative(links, node.inputs[0]),
    "Add": _neutral(0.0),
    "Sub": _neutral(0.0),
    "Mul": _neutral(1.0),
    "Div": _neutral(1.0),
    "MaxPool": _pool,
    "AveragePool": _pool,
    "Resize": _resize,
}
