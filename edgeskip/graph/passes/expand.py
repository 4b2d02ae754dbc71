"""FusedConv back to standard ops, so that a simplified dense network runs anywhere."""

from __future__ import annotations

import numpy as np

from edgeskip.core.contract import Activation
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.fused_conv import activation_of, is_fused_conv


def expand_fused(graph: Graph) -> Graph:
    """A copy of `graph` whose FusedConv nodes are Conv or ConvTranspose, Add and activation ops."""
    result = copy_graph(graph)
    result.nodes = [part for node in result.nodes for part in _expanded(result, node)]
    result.remove_unused()
    return result


def _expanded(graph: Graph, node: Node) -> list[Node]:
    if not is_fused_conv(node):
        return [node]
    output, activation = node.outputs[0], activation_of(node)
    last = f"{output}.sum" if activation.kind != "none" else output
    first = f"{output}.conv" if node.input(3) else last
    inputs = node.inputs[:3] if node.input(2) else node.inputs[:2]
    nodes = [_convolution(node, inputs, first)]
    if node.input(3):
        nodes.append(Node("Add", [first, node.inputs[3]], [last]))
    return nodes + activation_nodes(graph, activation, last, output)


def _convolution(node: Node, inputs: list[str], output: str) -> Node:
    names = ("kernel_shape", "strides", "pads", "dilations", "group")
    attributes = {name: node.attributes[name] for name in names}
    if not node.attributes["transposed"]:
        return Node("Conv", inputs, [output], attributes, name=node.name)
    attributes["output_padding"] = node.attributes["output_padding"]
    return Node("ConvTranspose", inputs, [output], attributes, name=node.name)


def activation_nodes(graph: Graph, activation: Activation, source: str, output: str) -> list[Node]:
    """Standard ops of opset 13 that apply `activation` to `source` and write `output`."""
    kind = activation.kind
    if kind == "none":
        return []
    if kind in ("relu", "sigmoid", "tanh"):
        return [Node(kind.capitalize(), [source], [output])]
    if kind == "leaky_relu":
        return [Node("LeakyRelu", [source], [output], {"alpha": activation.alpha[0]})]
    if kind == "hard_sigmoid":
        return [Node("HardSigmoid", [source], [output], {"alpha": activation.alpha[0], "beta": activation.beta})]
    if kind == "clip":
        bounds = [_bound(graph, output, "min", activation.alpha[0]), _bound(graph, output, "max", activation.beta)]
        return [Node("Clip", [source, *bounds], [output])]
    if kind == "prelu":
        slope = np.array(activation.alpha, np.float32).reshape(-1, 1, 1)
        return [Node("PRelu", [source, graph.add_constant(f"{output}.slope", slope)], [output])]
    gate = f"{output}.gate"
    if kind == "silu":
        return [Node("Sigmoid", [source], [gate]), Node("Mul", [source, gate], [output])]
    assert kind == "hard_swish", kind
    hard = Node("HardSigmoid", [source], [gate], {"alpha": 1.0 / 6.0, "beta": 0.5})
    return [hard, Node("Mul", [source, gate], [output])]


def _bound(graph: Graph, output: str, side: str, value: float) -> str:
    """Name of a Clip bound, or "" where it is infinite."""
    return graph.add_constant(f"{output}.{side}", np.float32(value)) if np.isfinite(value) else ""
