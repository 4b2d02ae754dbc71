"""The graph that every pass, exporter and planner works on: ONNX without the protobuf."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Dim = int | str | None


@dataclass(slots=True)
class TensorInfo:
    """Element type and shape of a tensor; a symbolic dimension is its name, an unknown one None."""

    dtype: np.dtype
    shape: tuple[Dim, ...]


@dataclass(slots=True, eq=False)
class Node:
    """One operation. An absent optional input or output is the empty string.

    `attributes` hold Python values: int, float, str, lists of these, or numpy arrays.
    """

    op_type: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    domain: str = ""
    name: str = ""

    def input(self, index: int) -> str:
        """Name of input `index`, or "" where it is absent."""
        return self.inputs[index] if index < len(self.inputs) else ""

    def output(self, index: int) -> str:
        """Name of output `index`, or "" where it is absent."""
        return self.outputs[index] if index < len(self.outputs) else ""


@dataclass(slots=True)
class Graph:
    """Nodes in topological order, with constants, tensor infos and the model's metadata.

    `inputs` and `outputs` are tensor names in order; `constants` maps a name to its value;
    `info` maps every tensor whose type is known to its `TensorInfo`.
    """

    nodes: list[Node]
    inputs: list[str]
    outputs: list[str]
    constants: dict[str, np.ndarray]
    info: dict[str, TensorInfo]
    opset: int
    name: str = "graph"
    metadata: dict[str, str] = field(default_factory=dict)

    def producer(self, tensor: str) -> Node | None:
        """The node that writes `tensor`, or None for inputs and constants."""
        return self.producers().get(tensor)

    def producers(self) -> dict[str, Node]:
        """Every written tensor, with the node that writes it. O(nodes): keep it across a pass."""
        return {output: node for node in self.nodes for output in node.outputs if output}

    def consumers(self) -> dict[str, list[Node]]:
        """Every read tensor, with the nodes that read it (a node twice reads it once)."""
        table: dict[str, list[Node]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(name for name in node.inputs if name):
                table.setdefault(tensor, []).append(node)
        return table

    def shape(self, tensor: str) -> tuple[Dim, ...] | None:
        """Shape of `tensor` where it is known."""
        if tensor in self.constants:
            return self.constants[tensor].shape
        info = self.info.get(tensor)
        return info.shape if info else None

    def constant(self, tensor: str) -> np.ndarray | None:
        """Value of `tensor` where it is constant."""
        return self.constants.get(tensor)

    def add_constant(self, hint: str, value: np.ndarray) -> str:
        """Store `value` under a fresh name that starts with `hint`; return the name."""
        name = self.fresh(hint)
        self.constants[name] = value
        return name

    def fresh(self, hint: str) -> str:
        """A tensor name that is not in use."""
        used = self._names()
        if hint not in used:
            return hint
        return next(name for name in (f"{hint}.{k}" for k in range(1, len(used) + 2)) if name not in used)

    def replace_uses(self, old: str, new: str, nodes: Iterable[Node] | None = None) -> None:
        """Let `nodes` (all by default) read `new` where they read `old`. Graph outputs stay."""
        for node in self.nodes if nodes is None else nodes:
            node.inputs = [new if name == old else name for name in node.inputs]

    def remove_unused(self) -> None:
        """Drop nodes and constants that no output depends on."""
        needed = set(self.outputs)
        kept: list[Node] = []
        for node in reversed(self.nodes):
            if any(output in needed for output in node.outputs):
                needed.update(name for name in node.inputs if name)
                kept.append(node)
        self.nodes = kept[::-1]
        self.constants = {name: value for name, value in self.constants.items() if name in needed}
        written = {name for node in self.nodes for name in node.outputs} | set(self.inputs)
        self.info = {name: info for name, info in self.info.items() if name in written}

    def sort(self) -> None:
        """Put nodes in topological order, keeping the order of independent ones."""
        ready = set(self.inputs) | set(self.constants) | {""}
        pending, ordered = list(self.nodes), []
        while pending:
            blocked: list[Node] = []
            for node in pending:
                if all(name in ready for name in node.inputs):
                    ordered.append(node)
                    ready.update(node.outputs)
                else:
                    blocked.append(node)
            if len(blocked) == len(pending):
                missing = sorted({name for node in blocked for name in node.inputs if name not in ready})
                raise ValueError(f"graph has a cycle or a missing tensor: {missing[:3]}")
            pending = blocked
        self.nodes = ordered

    def _names(self) -> set[str]:
        names = set(self.inputs) | set(self.constants) | set(self.outputs)
        for node in self.nodes:
            names.update(node.inputs)
            names.update(node.outputs)
        return names
