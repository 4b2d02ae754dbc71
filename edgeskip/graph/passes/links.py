"""Who writes and who reads each tensor, kept true while a pass merges nodes."""

from __future__ import annotations

from edgeskip.graph.ir import Graph, Node


class Links:
    """Producers and consumers of a graph's tensors during one pass; `finish` removes the dropped nodes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producers = graph.producers()
        self.consumers = graph.consumers()
        self.dropped: set[Node] = set()
        self._outputs = set(graph.outputs)

    def readers(self, tensor: str) -> list[Node]:
        """Nodes that read `tensor`."""
        return self.consumers.get(tensor, [])

    def is_output(self, tensor: str) -> bool:
        """Whether `tensor` is an output of the network, so that it must stay."""
        return tensor in self._outputs

    def sole_consumer(self, tensor: str) -> Node | None:
        """The only node that reads `tensor`; None where others do, or where it is a graph output."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and not self.is_output(tensor) else None

    def drop(self, node: Node) -> None:
        """Remove `node` when the pass finishes; its inputs lose a reader now."""
        self.dropped.add(node)
        for tensor in set(node.inputs):
            if node in self.readers(tensor):
                self.consumers[tensor].remove(node)

    def merge(self, keeper: Node, absorbed: list[Node], output: str) -> None:
        """Let `keeper` write `output`, the last tensor of the `absorbed` nodes, which go."""
        for node in absorbed:
            self.drop(node)
        keeper.outputs = [output]
        self.producers[output] = keeper

    def set_inputs(self, node: Node, inputs: list[str]) -> None:
        """Change what `node` reads."""
        for tensor in set(node.inputs) - set(inputs):
            if node in self.readers(tensor):
                self.consumers[tensor].remove(node)
        for tensor in set(inputs) - set(node.inputs) - {""}:
            self.consumers.setdefault(tensor, []).append(node)
        node.inputs = inputs

    def redirect(self, old: str, new: str) -> None:
        """Let every reader of `old` read `new`."""
        for node in list(self.readers(old)):
            self.set_inputs(node, [new if name == old else name for name in node.inputs])

    def finish(self, reorder: bool = False) -> None:
        """Take the dropped nodes out of the graph; `reorder` where a node now reads a later tensor."""
        if self.dropped:
            self.graph.nodes = [node for node in self.graph.nodes if node not in self.dropped]
        if reorder:
            self.graph.sort()
