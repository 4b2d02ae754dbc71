"""Gates that the op in front of them decides: a convolution, or a chain of element-wise ops.

Where nothing else reads what a convolution wrote, the convolution compares, and its own map is gone:

    x = SkipConv(..., x_prev), threshold 0;  y = SkipGate(x, y_prev)   ->   y = SkipConv(..., y_prev), the gate's one

Where x did not change the gate had decided already; so its decision at the convolution's active pixels is all of it.

Behind a chain the map stays, and is compared while it lies in the first-level cache.
"""

from __future__ import annotations

from math import isinf

from edgeskip.backends.cpu.chains import Chains
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.skip_model import is_op

Y_PREVIOUS = SKIP_CONV.inputs.index("y_prev")
OTHER_RULES = ("gate", "pending", "channel_weight")


def fuse_gates(graph: Graph) -> dict[str, str]:
    """Let convolutions of `graph` compare as the gates behind them would; these are removed.

    Returns:
        What such a convolution writes now, to what it wrote: its layer keeps that name.
    """
    readers = graph.consumers()
    titles: dict[str, str] = {}
    gone: set[int] = set()
    for conv in graph.nodes:
        gate = _gate_behind(conv, readers) if is_op(conv, "SkipConv") else None
        if gate is None:
            continue
        titles[gate.outputs[0]] = conv.outputs[0]
        conv.inputs[Y_PREVIOUS], conv.outputs[:2] = gate.inputs[1], gate.outputs
        conv.attributes |= {name: gate.attributes[name] for name in ("threshold", "norm")}
        gone.add(id(gate))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]
    return titles


def gates_behind_chains(nodes: tuple[Node, ...], chains: Chains) -> dict[str, list[Node]]:
    """What a chain of `nodes` writes to the gates on it."""
    roots = {node.outputs[0] for node in nodes if chains.ending_in(node) is not None}
    found: dict[str, list[Node]] = {}
    for node in nodes:
        if is_op(node, "SkipGate") and node.inputs[0] in roots and _plain(node):
            found.setdefault(node.inputs[0], []).append(node)
    return found


def _plain(gate: Node) -> bool:
    """Whether it compares each pixel by itself."""
    return gate.attributes["window"] == 1 and isinf(gate.attributes["threshold_signed"])


def _gate_behind(conv: Node, readers: dict[str, list[Node]]) -> Node | None:
    """The gate that alone reads `conv`; None where there is none, or one that compares in another way."""
    y, mask = conv.outputs[:2]
    found = readers.get(y, [])
    if len(found) != 1 or mask in readers or not is_op(found[0], "SkipGate"):
        return None
    exact = conv.attributes["threshold"] == 0 and not any(conv.input(SKIP_CONV.inputs.index(n)) for n in OTHER_RULES)
    return found[0] if exact and _plain(found[0]) else None
