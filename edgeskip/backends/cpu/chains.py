"""Chains of element-wise ops that the engine runs as one: what lies between is never stored."""

from __future__ import annotations

from dataclasses import dataclass

from edgeskip.backends.cpu.facts import Facts
from edgeskip.backends.cpu.lowering.elementwise import ANY_NUMBER, BINARY
from edgeskip.backends.cpu.lowering.resize import is_nearest
from edgeskip.backends.cpu.lowering.unary import UNARY
from edgeskip.graph.ir import Node

ELEMENTWISE = frozenset({*BINARY, *ANY_NUMBER, *UNARY})
MOST_NODES = 16  # far below the engine's limit on operands and steps


@dataclass(frozen=True)
class Chain:
    """Nodes in order; the last one's output is the only one that is stored."""

    nodes: tuple[Node, ...]


class Chains:
    """The chains among nodes that the engine runs one after the other.

    A node joins its reader where nothing else reads it: the reader's mask holds every pixel where one of the
    node's own inputs changed, so that computing the node again at these pixels gives what it had.
    """

    def __init__(self, nodes: tuple[Node, ...], facts: Facts) -> None:
        self._facts = facts
        self._position = {id(node): index for index, node in enumerate(nodes)}
        self._readers = facts.graph.consumers()
        self.absorbed: set[int] = set()
        self._chains: dict[int, Chain] = {}
        for node in reversed(nodes):
            if node.op_type in ELEMENTWISE and id(node) not in self.absorbed:
                self._grow(node)

    def ending_in(self, node: Node) -> Chain | None:
        """The chain whose last node is `node`."""
        return self._chains.get(id(node))

    def _grow(self, root: Node) -> None:
        members = {id(root): root}
        open_nodes = [root]
        while open_nodes and len(members) < MOST_NODES:
            for name in open_nodes.pop().inputs:
                node = self._facts.producers.get(name)
                if node is None or id(node) in members or not self._joins(node, root, members):
                    continue
                members[id(node)] = node
                if node.op_type != "Resize":
                    open_nodes.append(node)
        if len(members) > 1 or (len(root.inputs) > 2 and root.op_type in ANY_NUMBER):
            self.absorbed.update(key for key in members if key != id(root))
            self._chains[id(root)] = Chain(tuple(sorted(members.values(), key=lambda n: self._position[id(n)])))

    def _joins(self, node: Node, root: Node, members: dict[int, Node]) -> bool:
        name = node.outputs[0]
        fits = node.op_type in ELEMENTWISE or (node.op_type == "Resize" and is_nearest(node))
        return (
            fits
            and id(node) in self._position
            and id(node) not in self.absorbed
            and self._facts.size(name) == self._facts.size(root.outputs[0])
            and name not in self._facts.graph.outputs
            and all(id(r) in members and r.op_type != "Resize" for r in self._readers.get(name, []))
        )
