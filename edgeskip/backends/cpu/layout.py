"""Where each tensor lies: concats are one buffer that their inputs are written into, channel slices are views."""

from __future__ import annotations

from dataclasses import dataclass

from edgeskip.backends.cpu.facts import Facts
from edgeskip.graph.ir import Node


@dataclass(frozen=True)
class Place:
    """`tensor` begins at channel `offset` of the buffer that belongs to `root`."""

    root: str
    offset: int


class Layout:
    """Places of the tensors that `nodes` (in topological order, all run by the engine) read and write.

    `views` maps a tensor that is part of another one to it and its first channel there.
    """

    def __init__(self, nodes: list[Node], facts: Facts, views: dict[str, tuple[str, int]]) -> None:
        self.views = views
        self._facts = facts
        self._parents: dict[str, tuple[str, int]] = {}
        self._written = {output for node in nodes for output in node.outputs if output not in views}
        # outermost concat first: an inner one then lies in the outer one's buffer
        for node in reversed(nodes):
            if node.op_type == "Concat":
                self._place_children(node)

    def place(self, tensor: str) -> Place:
        """Buffer and channel of `tensor`."""
        offset = 0
        while tensor in self.views or tensor in self._parents:
            tensor, step = self.views.get(tensor) or self._parents[tensor]
            offset += step
        return Place(tensor, offset)

    def in_place(self, concat: Node, index: int) -> bool:
        """Whether input `index` of `concat` is computed where the concat wants it."""
        child = concat.inputs[index]
        first_use = concat.inputs.index(child) == index
        return first_use and self._parents.get(child) == (concat.outputs[0], self._offset(concat, index))

    def _place_children(self, concat: Node) -> None:
        for index, child in enumerate(concat.inputs):
            if child in self._written and child not in self._parents:
                self._parents[child] = (concat.outputs[0], self._offset(concat, index))

    def _offset(self, concat: Node, index: int) -> int:
        sizes = [self._facts.size(name) for name in concat.inputs[:index]]
        return sum(size[0] for size in sizes if size)
