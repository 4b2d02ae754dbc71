"""Gumbel gates in a skip model: the small ops that decide (docs/contract.md, "Learned gates") become two native ones.

    u -> Sub u_ref -> [Abs, ReduceSum] -> Add bias -> [MaxPool, Resize, [Slice]] -> Greater 0 -> Cast -> gate
    u_ref.next = Where(Cast(pending.next), u_ref, u)

`GateDecision` (u, mask of u, u_ref, pending -> gate) and `GateReference` (u, u_ref, pending.next, pending ->
u_ref.next).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.links import Links
from edgeskip.graph.skip_model import SkipModel, is_op

DOMAIN = "edgeskip.engine"
DECISION, REFERENCE = "GateDecision", "GateReference"


def fuse_decisions(model: SkipModel) -> Graph:
    """The model's graph with every decision that is written as above in the place of its parts."""
    graph = copy_graph(model.graph)
    links = Links(graph)
    pairs = {pair.input: pair.output for pair in model.metadata.states}
    for conv in [node for node in graph.nodes if is_op(node, "SkipConv") and _given(node, "gate")]:
        found = _match(links, conv, pairs)
        if found:
            _replace(links, conv, found)
    links.finish()
    return graph


@dataclass(frozen=True)
class _Decision:
    """`parts` compute the gate from u, `keepers` the next reference; the last of each writes the result."""

    signal: Node
    reference: str
    parts: list[Node]
    keepers: list[Node]
    attributes: dict[str, Any]


def _given(conv: Node, name: str) -> str:
    return conv.input(SKIP_CONV.inputs.index(name))


def _match(links: Links, conv: Node, pairs: dict[str, str]) -> _Decision | None:
    walk = _Walk(links, _given(conv, "gate"), conv)
    if not (walk.take("Cast", to=6) and walk.take("Greater") and walk.constant(1) == 0):
        return None
    block = _block(walk, conv)
    if not block or not walk.take("Add"):
        return None
    bias, magnitude = walk.constant(1), False
    if walk.take("ReduceSum"):
        axes = links.graph.constant(walk.last.input(1))
        magnitude = walk.last.attributes.get("keepdims", 1) == 1 and axes is not None and axes.tolist() == [1]
        if not magnitude or not walk.take("Abs"):
            return None
    if bias is None or not walk.take("Sub"):
        return None
    signal, reference = walk.last.inputs
    maker, shape = links.producers.get(signal), links.graph.shape(signal)
    keepers = _keepers(links, conv, signal, reference, pairs)
    fits = is_op(maker, "SkipConv") and maker.attributes["threshold"] == 0 if maker else False
    if not fits or keepers is None or shape is None or (not magnitude and shape[1] != 1):
        return None
    attributes = {"bias": bias, "magnitude": magnitude, "block": block}
    return _Decision(maker, reference, walk.nodes, keepers, attributes)


def _block(walk: _Walk, conv: Node) -> int:
    """Side of the blocks that decide together; 0 where it is written in another way."""
    size = walk.links.graph.shape(conv.outputs[0])[2:]
    if walk.take("Slice") and not _is_crop(walk, size):
        return 0
    if not walk.take("Resize"):
        return 1 if walk.last.op_type == "Greater" else 0
    scales = walk.links.graph.constant(walk.last.input(2))
    nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    if scales is None or any(walk.last.attributes.get(key) != value for key, value in nearest.items()):
        return 0
    block = int(scales[-1])
    if scales.tolist() != [1, 1, block, block] or block not in (2, 4, 8) or not walk.take("MaxPool", ceil_mode=1):
        return 0
    attributes = walk.last.attributes
    square = attributes["kernel_shape"] == [block] * 2 and attributes.get("strides") == [block] * 2
    return block if square and not any(attributes.get("pads", [0])) else 0


def _is_crop(walk: _Walk, size: tuple[Any, ...]) -> bool:
    values = [walk.links.graph.constant(name) for name in walk.last.inputs[1:]]
    expected = ([0, 0], list(size), [2, 3])
    return len(values) == 3 and all(v is not None and v.tolist() == e for v, e in zip(values, expected, strict=True))


def _keepers(links: Links, conv: Node, signal: str, reference: str, pairs: dict[str, str]) -> list[Node] | None:
    """The nodes that write the reference's next state, where they are Where(Cast(pending.next), reference, signal)."""
    where = links.producers.get(pairs.get(reference, ""))
    if where is None or where.op_type != "Where" or where.inputs[1:] != [reference, signal]:
        return None
    waits = links.producers.get(where.inputs[0])
    if waits is None or waits.op_type != "Cast" or waits.inputs[0] != conv.output(2) or waits.attributes["to"] != 9:
        return None
    return [waits, where] if len(links.readers(where.inputs[0])) == 1 else None


def _replace(links: Links, conv: Node, found: _Decision) -> None:
    signal, mask = found.signal.outputs[:2]
    gate, pending = _given(conv, "gate"), _given(conv, "pending")
    kept = found.keepers[-1].outputs[0]
    decision = Node(DECISION, [signal, mask, found.reference, pending], [gate], found.attributes, DOMAIN, gate)
    keeper = Node(REFERENCE, [signal, found.reference, conv.outputs[2], pending], [kept], {}, DOMAIN, kept)
    for last, node in ((found.parts[0], decision), (found.keepers[-1], keeper)):
        links.graph.nodes[links.graph.nodes.index(last)] = node
        links.producers[node.outputs[0]] = node
    for node in (*found.parts, *found.keepers):
        links.drop(node)


class _Walk:
    """From a tensor upwards along first inputs, through nodes that nothing else reads."""

    def __init__(self, links: Links, tensor: str, reader: Node) -> None:
        self.links, self.tensor, self.last = links, tensor, reader
        self.nodes: list[Node] = []

    def take(self, op_type: str, **attributes: Any) -> bool:
        """Step over the node that writes the tensor, if it is of this type and only the last one reads it."""
        node = self.links.producers.get(self.tensor)
        if node is None or node.op_type != op_type or node.domain or self.links.sole_consumer(self.tensor) is None:
            return False
        if any(node.attributes.get(key, 0) != value for key, value in attributes.items()):
            return False
        self.last, self.tensor = node, node.inputs[0]
        self.nodes.append(node)
        return True

    def constant(self, index: int) -> float | None:
        """The one number in input `index` of the last node."""
        value = self.links.graph.constant(self.last.input(index))
        return float(np.float32(value.reshape(-1)[0])) if value is not None and value.size == 1 else None
