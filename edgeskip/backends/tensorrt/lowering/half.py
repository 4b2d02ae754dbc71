"""FP16 by the types of the file: every tensor is explicit, so a strongly typed network needs no flag.

What decides stays float32: the picture and its gate, bias and channel weights of a convolution, and reductions over
many values. A tensor is written in one type; a reader that needs the other gets a cast, made once per tensor.
"""

from __future__ import annotations

import numpy as np

from edgeskip.backends.tensorrt.lowering.names import CONV, GATE, conv_input, is_plugin
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo

SINGLE, HALF = np.dtype(np.float32), np.dtype(np.float16)
LARGEST = float(np.finfo(np.float16).max)
_ONNX_TYPE = {SINGLE: 1, HALF: 10}
# sums of many values, functions that leave the range of float16, and ops whose type is not that of their data
SINGLE_OPS = frozenset([
    "ConstantOfShape", "CumSum", "Exp", "EyeLike", "GlobalAveragePool", "InstanceNormalization", "LRN",
    "LayerNormalization", "LpNormalization", "MeanVarianceNormalization", "NonMaxSuppression", "OneHot", "Pow", "Range",
    "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMean", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Reciprocal",
])  # fmt: skip
# what only moves values keeps their type
MOVES = frozenset(["Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"])
# inputs that ONNX wants in float32 whatever the data is
_SINGLE_INPUTS = {"Resize": (1, 2), "Upsample": (1,)}
# constants that mean "very large": these ops may clamp them
_CLAMPING = frozenset({"Clip", "Max", "Min", "Pad", "Where"})


def to_half(graph: Graph, states: frozenset[str]) -> list[str]:
    """Rewrite `graph` in place; `states` are the names of the states that it reads and writes.

    Returns notes about constants that were clamped.

    Raises:
        ModelError: a weight is larger than float16 holds.
    """
    return _Half(graph, states).run()


class _Half:
    def __init__(self, graph: Graph, states: frozenset[str]) -> None:
        self.graph, self.states = graph, states
        self.nodes: list[Node] = []
        self.notes: list[str] = []
        self._made: dict[tuple[str, np.dtype], str] = {}
        gates = {node.inputs[1] for node in graph.nodes if is_plugin(node, GATE)}
        for name in graph.inputs:
            if name in states and name not in gates and graph.info[name].dtype == SINGLE:
                self._declare(name, HALF)

    def run(self) -> list[str]:
        for node in self.graph.nodes:
            if is_plugin(node, CONV):
                self._convolution(node)
            elif is_plugin(node, GATE):
                self._gate(node)
            else:
                self._standard(node)
        self.graph.nodes = self.nodes
        self.graph.sort()
        return self.notes

    def _convolution(self, node: Node) -> None:
        single = {conv_input(node, "b"), conv_input(node, "channel_weight")} - {""}
        node.inputs = [self.get(name, SINGLE if name in single else HALF, node) for name in node.inputs]
        self._emit(node, HALF)

    def _gate(self, node: Node) -> None:
        """In the type of what it compares: the picture's gate sees float32."""
        kind = self._type_of(node.inputs[0])
        if kind == HALF:
            self._declare(node.inputs[1], HALF)
        self._emit(node, kind)

    def _standard(self, node: Node) -> None:
        if node.op_type == "Cast":
            if node.attributes["to"] in _ONNX_TYPE.values():
                node.attributes["to"] = _ONNX_TYPE[HALF]
            self._emit(node, HALF)
            return
        kind = SINGLE if node.op_type in SINGLE_OPS or node.domain else HALF
        if node.op_type in MOVES:
            kind = self._type_of(node.inputs[0])
        fixed = _SINGLE_INPUTS.get(node.op_type, ())
        node.inputs = [
            name if index in fixed or not name else self.get(name, kind, node) for index, name in enumerate(node.inputs)
        ]
        self._emit(node, kind)

    def _emit(self, node: Node, kind: np.dtype) -> None:
        """Append `node`, which writes floats as `kind`; the network's outputs are cast back."""
        self.nodes.append(node)
        for index, name in enumerate(node.outputs):
            info = self.graph.info.get(name)
            if not name or info is None or info.dtype != SINGLE or kind == SINGLE:
                continue
            if name in self.graph.outputs and name not in self.states:
                inner = node.outputs[index] = self.graph.fresh(f"{name}.half")
                self.graph.info[inner] = TensorInfo(HALF, info.shape)
                self._made[name, HALF] = inner
                self.nodes.append(Node("Cast", [inner], [name], {"to": _ONNX_TYPE[SINGLE]}))
            else:
                self._declare(name, HALF)

    def get(self, tensor: str, kind: np.dtype, reader: Node) -> str:
        """`tensor` as `kind`; what is no float stays."""
        own = self._type_of(tensor)
        if own not in _ONNX_TYPE or own == kind:
            return tensor
        if (tensor, kind) not in self._made:
            self._made[tensor, kind] = self._converted(tensor, kind, reader)
        return self._made[tensor, kind]

    def _converted(self, tensor: str, kind: np.dtype, reader: Node) -> str:
        name = self.graph.fresh(f"{tensor}.{'half' if kind == HALF else 'single'}")
        if tensor in self.graph.constants:
            self.graph.constants[name] = self._rounded(tensor, reader) if kind == HALF else _single(self.graph, tensor)
            return name
        self.graph.info[name] = TensorInfo(kind, self.graph.info[tensor].shape)
        self.nodes.append(Node("Cast", [tensor], [name], {"to": _ONNX_TYPE[kind]}, name=f"to {name}"))
        return name

    def _rounded(self, tensor: str, reader: Node) -> np.ndarray:
        value = self.graph.constants[tensor]
        large = np.isfinite(value) & (np.abs(value) > LARGEST)
        if not large.any():
            return value.astype(np.float16)
        if reader.op_type not in _CLAMPING:
            raise ModelError(
                f"constant {tensor} of {reader.op_type} {reader.name or reader.outputs[0]} holds "
                f"{float(np.abs(value[large]).max()):.4g}, float16 ends at {LARGEST:g}",
                hint="build it in float32: leave out --fp16",
            )
        self.notes.append(f"{tensor}: values beyond float16 are clamped to {LARGEST:g} ({reader.op_type})")
        return np.clip(value, -LARGEST, LARGEST).astype(np.float16)

    def _declare(self, tensor: str, kind: np.dtype) -> None:
        self.graph.info[tensor] = TensorInfo(kind, self.graph.info[tensor].shape)

    def _type_of(self, tensor: str) -> np.dtype:
        if tensor in self.graph.constants:
            return self.graph.constants[tensor].dtype
        info = self.graph.info.get(tensor)
        return info.dtype if info else SINGLE


def _single(graph: Graph, tensor: str) -> np.ndarray:
    return graph.constants[tensor].astype(np.float32)
