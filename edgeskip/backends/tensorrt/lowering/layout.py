"""Channels last: plugins read and write [N, H, W, C]; transposes stand only where an op needs the other order.

Every tensor is written in one layout. A reader that needs the other gets a transpose, made once per tensor, so that
two that cancel never stand behind each other. Ops that do not care (or whose axes can be moved) take the layout that
most of their input has.
"""

from __future__ import annotations

from math import prod

import numpy as np

from edgeskip.backends.tensorrt.lowering.layout_rules import TO_LAST, Moved, move
from edgeskip.backends.tensorrt.lowering.names import CONV, GATE, conv_input, is_plugin
from edgeskip.core.contract import StatePair
from edgeskip.graph.ir import Graph, Node, TensorInfo

FIRST, LAST = "NCHW", "NHWC"
_TO_FIRST = (0, 3, 1, 2)


def channels_last(graph: Graph, states: list[StatePair]) -> dict[str, str]:
    """Rewrite `graph` in place; returns the layout of every state's tensors, by the name that is read."""
    return _Layouts(graph, states).run()


class _Layouts:
    def __init__(self, graph: Graph, states: list[StatePair]) -> None:
        self.graph = graph
        self.state_of = {pair.output: pair.input for pair in states}
        self.layout: dict[str, str] = {}
        self.nodes: list[Node] = []
        self._made: dict[tuple[str, str], str] = {}
        gates = {node.inputs[1] for node in graph.nodes if is_plugin(node, GATE)}
        for pair in states:  # a gate takes the layout in which its input comes
            if graph.info[pair.input].dtype == np.float32 and pair.input not in gates:
                self._declare(pair.input, LAST)

    def run(self) -> dict[str, str]:
        for node in self.graph.nodes:
            self._place(node)
        self.graph.nodes = self.nodes
        self.graph.sort()
        return {read: self.layout.get(read, FIRST) for read in self.state_of.values()}

    def _place(self, node: Node) -> None:
        if is_plugin(node, CONV):
            self._convolution(node)
        elif is_plugin(node, GATE):
            self._gate(node)
        else:
            moved = self._moved(node)
            if moved is None:
                self._as_is(node)
            else:
                self._write(moved)

    def _convolution(self, node: Node) -> None:
        pictures = {conv_input(node, key) for key in ("x", "z")}
        kept = {conv_input(node, "w"), conv_input(node, "y_prev")}
        node.inputs = [
            name if name in kept else self.get(name, LAST if name in pictures else FIRST) for name in node.inputs
        ]
        node.attributes["channels_last"] = 1
        self._emit(node, [LAST, *[FIRST] * (len(node.outputs) - 1)])

    def _gate(self, node: Node) -> None:
        layout = self.layout.get(node.inputs[0], FIRST)
        # one conversion in front of the first layer, and its state is what the layer reads
        readers = [reader for reader in self.graph.nodes if node.outputs[0] in reader.inputs]
        if any(is_plugin(reader, CONV) for reader in readers):
            layout = LAST
        if layout == LAST:
            self._declare(node.inputs[1], LAST)
            node.attributes["channels_last"] = 1
        node.inputs[0] = self.get(node.inputs[0], layout)
        self._emit(node, [layout, FIRST])

    def _moved(self, node: Node) -> Moved | None:
        """`node` on channels-last tensors, None where it is better or only possible on the others."""
        if any(self.layout.get(self.state_of.get(name, ""), FIRST) == LAST for name in node.outputs):
            return move(node, self.graph)  # it writes a state, whose layout is settled
        sizes = {FIRST: 0, LAST: 0}
        for name in dict.fromkeys(node.inputs):
            if name in self.layout or name in self.graph.info:
                sizes[self.layout.get(name, FIRST)] += self._size(name)
        return move(node, self.graph) if sizes[LAST] and sizes[LAST] >= sizes[FIRST] else None

    def _write(self, moved: Moved) -> None:
        node = moved.node
        node.inputs = [self.get(name, LAST) if k in moved.data else name for k, name in enumerate(node.inputs)]
        self._emit(node, [LAST if moved.result_last else FIRST] * len(node.outputs))

    def _as_is(self, node: Node) -> None:
        """`node` on channels-first tensors; a state that it writes is transposed behind it."""
        node.inputs = [self.get(name, FIRST) if name else "" for name in node.inputs]
        behind = []
        for index, state in enumerate(node.outputs):
            if self.layout.get(self.state_of.get(state, ""), FIRST) == LAST:
                plain = node.outputs[index] = self.graph.fresh(f"{state}.nchw")
                self.graph.info[plain] = self.graph.info[state]
                behind.append((plain, state))
        self._emit(node, [FIRST] * len(node.outputs))
        for plain, state in behind:
            self._made[state, FIRST] = plain
            self._declare(state, LAST)
            self.nodes.append(Node("Transpose", [plain], [state], {"perm": list(TO_LAST)}))

    def _emit(self, node: Node, layouts: list[str]) -> None:
        """Append `node`; what it writes in the other order than the world reads is transposed behind it."""
        self.nodes.append(node)
        for index, layout in enumerate(layouts):
            name = node.outputs[index] if index < len(node.outputs) else ""
            if not name or layout == FIRST or not self._is_picture(name):
                continue
            if name in self.graph.outputs and name not in self.state_of:
                inner = node.outputs[index] = self.graph.fresh(f"{name}.nhwc")
                self.graph.info[inner] = self.graph.info[name]
                self._declare(inner, LAST)
                self._made[inner, FIRST] = name
                self._made[name, LAST] = inner
                self.nodes.append(Node("Transpose", [inner], [name], {"perm": list(_TO_FIRST)}))
            else:
                self._declare(name, LAST)

    def get(self, tensor: str, layout: str) -> str:
        """`tensor` in `layout`."""
        if not tensor or not self._is_picture(tensor) or self.layout.get(tensor, FIRST) == layout:
            return tensor
        if (tensor, layout) not in self._made:
            self._made[tensor, layout] = self._converted(tensor, layout)
        return self._made[tensor, layout]

    def _converted(self, tensor: str, layout: str) -> str:
        permutation = TO_LAST if layout == LAST else _TO_FIRST
        name = self.graph.fresh(f"{tensor}.{layout.lower()}")
        if tensor in self.graph.constants:
            self.graph.constants[name] = np.ascontiguousarray(self.graph.constants[tensor].transpose(permutation))
            return name
        info = self.graph.info[tensor]
        self.graph.info[name] = TensorInfo(info.dtype, tuple(info.shape[axis] for axis in permutation))
        if layout == LAST:
            self.layout[name] = LAST
        self.nodes.append(Node("Transpose", [tensor], [name], {"perm": list(permutation)}, name=f"to {name}"))
        return name

    def _declare(self, tensor: str, layout: str) -> None:
        """`tensor` is written in `layout` from now on; its known shape follows."""
        if layout == LAST and self.layout.get(tensor) != LAST:
            info = self.graph.info[tensor]
            self.graph.info[tensor] = TensorInfo(info.dtype, tuple(info.shape[axis] for axis in TO_LAST))
            self.layout[tensor] = LAST

    def _is_picture(self, tensor: str) -> bool:
        shape = self.graph.shape(tensor)
        return shape is not None and len(shape) == 4

    def _size(self, tensor: str) -> int:
        shape = self.graph.info[tensor].shape if tensor in self.graph.info else ()
        return prod(size for size in shape[1:] if isinstance(size, int)) if len(shape) == 4 else 0
