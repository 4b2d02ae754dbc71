"""Finds the activation that follows a tensor, as one op or in any of its decomposed forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.core.contract import Activation
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.links import Links
from edgeskip.graph.passes.ramp import Ramp, activation_of_ramp, ramp_of, scalar, step


@dataclass(frozen=True)
class Match:
    """`nodes` compute `activation` of a tensor and write `output`; nothing else reads between."""

    activation: Activation
    nodes: list[Node]
    output: str


def match_activation(graph: Graph, links: Links, tensor: str, before: Activation) -> Match | None:
    """What follows `tensor`, to which `before` was applied already; the longest form that fits."""
    if links.is_output(tensor):
        return None
    readers = links.readers(tensor)
    if len(readers) == 1:
        return _match_ramp(graph, links, tensor, before) or _match_single(graph, readers[0], tensor, before)
    if len(readers) == 2 and before.kind == "none":
        return _match_product(graph, links, tensor)
    return None


def _match_ramp(graph: Graph, links: Links, tensor: str, before: Activation) -> Match | None:
    """The longest chain of Add, Mul, Clip, ... that is one activation."""
    ramp = ramp_of(before)
    if ramp is None:
        return None
    best, nodes = None, []
    while (node := links.sole_consumer(tensor)) is not None and (ramp := step(graph, ramp, node, tensor)) is not None:
        nodes.append(node)
        tensor = node.outputs[0]
        activation = activation_of_ramp(ramp)
        if activation is not None:
            best = Match(activation, list(nodes), tensor)
    return best


def _match_single(graph: Graph, node: Node, tensor: str, before: Activation) -> Match | None:
    """One op that is an activation of its own."""
    if before.kind != "none" or node.domain or node.inputs[0] != tensor or node.inputs.count(tensor) != 1:
        return None
    activation = None
    if node.op_type in ("Sigmoid", "Tanh", "HardSwish"):
        activation = Activation({"HardSwish": "hard_swish"}.get(node.op_type, node.op_type.lower()))
    elif node.op_type == "LeakyRelu":
        activation = Activation("leaky_relu", (float(node.attributes.get("alpha", 0.01)),))
    elif node.op_type == "PRelu":
        activation = _prelu(graph, node, tensor)
    return Match(activation, [node], node.outputs[0]) if activation else None


def _prelu(graph: Graph, node: Node, tensor: str) -> Activation | None:
    """PRelu with one slope, or one per channel of a picture."""
    slope, shape = graph.constant(node.inputs[1]), graph.shape(tensor)
    if slope is None or shape is None or len(shape) != 4:
        return None
    if slope.size == 1:
        return Activation("leaky_relu", (float(slope.reshape(())),))
    if slope.ndim not in (3, 4) or slope.size != shape[1] or slope.shape[-3] != shape[1]:
        return None
    return Activation("prelu", tuple(float(value) for value in slope.reshape(-1)))


def _match_product(graph: Graph, links: Links, tensor: str) -> Match | None:
    """x * sigmoid(x), x * clip(x + 3, 0, 6) / 6 in any order, and max(x, alpha * x)."""
    for first, second in (links.readers(tensor), links.readers(tensor)[::-1]):
        match = (
            _match_silu(links, tensor, first, second)
            or _match_leaky(graph, links, tensor, first, second)
            or _match_hard_swish(graph, links, tensor, first, second)
        )
        if match:
            return match
    return None


def _match_silu(links: Links, tensor: str, gate: Node, product: Node) -> Match | None:
    if gate.op_type != "Sigmoid" or gate.domain or links.sole_consumer(gate.outputs[0]) is not product:
        return None
    if product.op_type != "Mul" or set(product.inputs) != {tensor, gate.outputs[0]}:
        return None
    return Match(Activation("silu"), [gate, product], product.outputs[0])


def _match_leaky(graph: Graph, links: Links, tensor: str, scale: Node, largest: Node) -> Match | None:
    if scale.op_type != "Mul" or largest.op_type != "Max" or links.sole_consumer(scale.outputs[0]) is not largest:
        return None
    factor = scalar(graph, scale.inputs[1 if scale.inputs[0] == tensor else 0])
    if factor is None or not 0 <= factor <= 1 or sorted(largest.inputs) != sorted([tensor, scale.outputs[0]]):
        return None
    return Match(Activation("leaky_relu", (factor,)), [scale, largest], largest.outputs[0])


def _match_hard_swish(graph: Graph, links: Links, tensor: str, gate: Node, other: Node) -> Match | None:
    """x * ramp(x), the factor 1/6 on either branch or after the product."""
    ramp, nodes, gated = _follow(graph, links, tensor, gate)
    line, scaling, plain = _follow(graph, links, tensor, other)
    product = links.sole_consumer(gated) if nodes else None
    if product is None or product.op_type != "Mul" or sorted(product.inputs) != sorted([gated, plain]):
        return None
    if scaling and links.sole_consumer(plain) is not product:
        return None
    if line.offset != 0 or np.isfinite([line.low, line.high]).any() or (not scaling and other is not product):
        return None
    factor, nodes, output = line.slope, [*nodes, *scaling, product], product.outputs[0]
    while True:
        scaled = ramp.scaled(factor)
        if scaled is not None and scaled.close_to(1 / 6, 0.5, 0.0, 1.0):
            return Match(Activation("hard_swish"), nodes, output)
        after = links.sole_consumer(output)
        following = step(graph, Ramp(), after, output) if after else None
        if following is None or following.offset != 0 or np.isfinite([following.low, following.high]).any():
            return None
        factor, nodes, output = factor * following.slope, [*nodes, after], after.outputs[0]


def _follow(graph: Graph, links: Links, tensor: str, node: Node | None) -> tuple[Ramp, list[Node], str]:
    """The ramp that starts with `node` reading `tensor`, its nodes, and the tensor it ends in."""
    ramp, nodes = Ramp(), []
    while node is not None and (following := step(graph, ramp, node, tensor)) is not None:
        ramp, tensor = following, node.outputs[0]
        nodes.append(node)
        node = links.sole_consumer(tensor)
    return ramp, nodes, tensor
