"""A chain of element-wise nodes as one native op."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.cpu.builder import Builder
from edgeskip.backends.cpu.lowering.base import NO_ALPHA, Function
from edgeskip.backends.cpu.lowering.elementwise import ANY_NUMBER, BINARY, channel_vector, reciprocal
from edgeskip.backends.cpu.lowering.resize import nearest_reads
from edgeskip.backends.cpu.lowering.unary import function_of
from edgeskip.core.contract import ACTIVATIONS
from edgeskip.graph.ir import Node

Step = tuple[str, int, int, str, np.ndarray, float]


class ChainLowering:
    """Numbers the values of one chain: operands first, then the steps."""

    def __init__(self, nodes: tuple[Node, ...], builder: Builder) -> None:
        self._builder = builder
        self._root = nodes[-1]
        self._y = builder.slot(self._root.outputs[0])
        self._nodes = nodes
        self._inside = {node.outputs[0] for node in nodes}
        self._operands: list[tuple[int, tuple[np.ndarray, np.ndarray] | None]] = []
        self._values: dict[str, int] = {}
        self._steps: list[Step] = []

    def lower(self) -> None:
        """Add the native op."""
        name = self._root.outputs[0]
        mask = self._builder.mask(name)
        for node in self._nodes:
            self._add_operands(node)
        for node in self._nodes:
            if node.op_type != "Resize":
                self._add_steps(node)
        native = self._builder.native
        self._builder.begin_layer(self._root, self._y.height * self._y.width)
        gates = [self._gate(gate) for gate in self._builder.chain_gates.get(name, [])]
        self._builder.added(native.add_chain(name, self._operands, self._steps, self._y.tensor, mask, gates))

    def _gate(self, gate: Node) -> tuple[int, int, str, float]:
        """A gate on the result: its own tensor and mask, norm, threshold."""
        tensor, mask = gate.outputs
        norm, threshold = gate.attributes["norm"], float(gate.attributes["threshold"])
        return self._builder.tensor(tensor), self._builder.mask_named(mask), norm, threshold

    def _add_operands(self, node: Node) -> None:
        if node.op_type == "Resize":
            source = self._builder.slot(node.inputs[0])
            reads = nearest_reads(node, self._builder.facts)
            self._operand(node.outputs[0], source.tensor, reads)
            return
        for index, name in enumerate(_operands(node)):
            key = _key(node, index)
            if name not in self._inside and key not in self._values:
                self._operand(key, self._tensor(node, index, name), None)

    def _operand(self, key: str, tensor: int, reads: tuple[np.ndarray, np.ndarray] | None) -> None:
        self._values[key] = len(self._operands)
        self._operands.append((tensor, reads))

    def _tensor(self, node: Node, index: int, name: str) -> int:
        value = self._builder.facts.constant(name)
        vector = None if value is None else channel_vector(value, self._y.channels)
        if vector is None:
            return self._builder.tensor(name)
        inverse = reciprocal(vector) if node.op_type == "Div" and index == 1 else None
        return self._builder.constant_vector(vector if inverse is None else inverse)

    def _add_steps(self, node: Node) -> None:
        if node.op_type not in BINARY and node.op_type not in ANY_NUMBER:
            function = function_of(node, self._builder.facts)
            assert isinstance(function, Function)
            if not self._ends_last_step(node, function):
                self._step("unary", self._value(node, 0), 0, function)
        else:
            kind = BINARY.get(node.op_type) or ANY_NUMBER[node.op_type]
            if node.op_type == "Div" and self._multiplies(node):
                kind = "mul"
            value = self._value(node, 0)
            others = [] if self._became_silu(node) else range(1, len(node.inputs))
            for index in others:
                self._step(kind, value, self._value(node, index), Function())
                value = len(self._operands) + len(self._steps) - 1
        self._values[node.outputs[0]] = len(self._operands) + len(self._steps) - 1

    def _ends_last_step(self, node: Node, function: Function) -> bool:
        """Let the last step, where it is a sum or the like that only `node` reads, go through `function` as well."""
        name = node.inputs[0]
        last = len(self._operands) + len(self._steps) - 1
        readers = sum(other.inputs.count(name) for other in self._nodes)
        if not self._steps or name not in self._inside or self._values[name] != last or readers != 1:
            return False
        kind, a, b, activation, *_ = self._steps[-1]
        if kind == "unary" or activation != Function().kind or function.kind not in ACTIVATIONS:
            return False
        self._steps[-1] = (kind, a, b, function.kind, function.alpha, function.beta)
        return True

    def _became_silu(self, node: Node) -> bool:
        """Make the last step, where it is the sigmoid that `node` multiplies its input with, the whole of SiLU."""
        for sigmoid in self._nodes:
            gate = sigmoid.outputs[0]
            only_reader = sum(other.inputs.count(gate) for other in self._nodes) == 1
            if not is_silu((sigmoid, node)) or not only_reader:
                continue
            if self._values[gate] == len(self._operands) + len(self._steps) - 1:
                self._steps[-1] = ("unary", self._steps[-1][1], 0, "silu", NO_ALPHA, 0.0)
                return True
        return False

    def _step(self, kind: str, a: int, b: int, function: Function) -> None:
        self._steps.append((kind, a, b, function.kind, function.alpha, function.beta))

    def _value(self, node: Node, index: int) -> int:
        name = node.inputs[index]
        return self._values[name if name in self._inside else _key(node, index)]

    def _multiplies(self, node: Node) -> bool:
        """Whether the divisor was stored as its reciprocal."""
        value = self._builder.facts.constant(node.inputs[1])
        vector = None if value is None else channel_vector(value, self._y.channels)
        return vector is not None and reciprocal(vector) is not None


def _operands(node: Node) -> list[str]:
    return node.inputs if node.op_type in BINARY or node.op_type in ANY_NUMBER else node.inputs[:1]


def _key(node: Node, index: int) -> str:
    """A divisor is another value than the same constant elsewhere."""
    return f"{node.inputs[index]}/divisor" if node.op_type == "Div" and index == 1 else node.inputs[index]


def is_silu(nodes: tuple[Node, ...]) -> bool:
    """Whether these are a Sigmoid and the Mul of it with its own input."""
    if [node.op_type for node in nodes] != ["Sigmoid", "Mul"]:
        return False
    sigmoid, product = nodes
    return sorted(product.inputs) == sorted((sigmoid.inputs[0], sigmoid.outputs[0]))


def lower_chain(nodes: tuple[Node, ...], builder: Builder) -> None:
    """Add a chain's native op; `nodes` in order, of which only the last one's output is stored."""
    ChainLowering(nodes, builder).lower()
