"""What the planner knows of a skip model before it plans: sizes, constants and masks of its tensors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgeskip.core.contract import DOMAIN
from edgeskip.graph.ir import Graph, Node

# ops whose output changes at most where one of their inputs does
UNION_OPS = frozenset({
    "Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Sum", "Relu", "Sigmoid", "Tanh", "Clip", "LeakyRelu", "PRelu",
    "HardSwish", "HardSigmoid", "Exp", "Sqrt", "Neg", "Abs", "Reciprocal", "Log", "Identity", "Concat", "Split",
    "BatchNormalization",
})  # fmt: skip
REDUCE_OPS = frozenset({"GlobalAveragePool", "GlobalMaxPool"})


@dataclass(frozen=True)
class DerivedMask:
    """A mask that the file does not hold, because stock runtimes need none there: kind "reduce" or "union"."""

    kind: str
    inputs: tuple[str, ...]
    height: int
    width: int


class Facts:
    """Sizes and masks by tensor name. `masks` is the contract's map from a tensor to its mask."""

    def __init__(self, graph: Graph, masks: dict[str, str]) -> None:
        self.graph = graph
        self.producers = graph.producers()
        self.derived: dict[str, DerivedMask] = {}
        self._declared = masks
        self._mask_of: dict[str, str | None] = {}

    def size(self, tensor: str) -> tuple[int, int, int] | None:
        """(channels, height, width) of a float picture tensor, None for anything else."""
        shape = self.graph.shape(tensor)
        if shape is None or len(shape) != 4 or not all(isinstance(dim, int) for dim in shape[1:]):
            return None
        constant = self.graph.constants.get(tensor)
        dtype = constant.dtype if constant is not None else self.graph.info[tensor].dtype
        return tuple(shape[1:]) if np.dtype(dtype) == np.float32 else None  # type: ignore[return-value]

    def read_once(self, tensor: str) -> bool:
        """Whether `tensor` is an input of the network that a single node reads, and nobody else."""
        readers = sum(node.inputs.count(tensor) for node in self.graph.nodes)
        return tensor in self.graph.inputs and tensor not in self.graph.outputs and readers == 1

    def constant(self, tensor: str) -> np.ndarray | None:
        """Value of a constant tensor, None for one that is computed or absent."""
        return self.graph.constants.get(tensor)

    def mask_of(self, tensor: str) -> str | None:
        """Name of the mask that tells where `tensor` changed; None where nothing tells.

        A name that the file does not hold is a key of `derived`.
        """
        if tensor not in self._mask_of:
            self._mask_of[tensor] = self._declared_mask(tensor) or self._derived_mask(tensor)
        return self._mask_of[tensor]

    def mask_size(self, mask: str) -> tuple[int, int]:
        """(height, width) of a mask."""
        if mask in self.derived:
            return self.derived[mask].height, self.derived[mask].width
        shape = self.graph.shape(mask)
        assert shape is not None, f"mask {mask} has no known shape"
        return int(shape[2]), int(shape[3])  # type: ignore[arg-type]

    def missing_picture(self, node: Node) -> str | None:
        """Why `node` is no op on masked pictures: the reason that most lowerings share."""
        for tensor in [name for name in node.inputs if name and self.constant(name) is None] + node.outputs:
            if tensor and self.size(tensor) is None:
                return f"{tensor} is not a float32 picture [N, C, H, W] of fixed size"
        if self.mask_of(node.output(0)) is None:
            return "nothing tells which pixels of its output changed"
        return None

    def _declared_mask(self, tensor: str) -> str | None:
        mask = self._declared.get(tensor)
        gate = self.producers.get(mask) if mask else None
        if mask is None or gate is None:
            return None
        # the mask of a gate belongs to what it publishes, not to what it reads under the same dense name
        raw = gate.domain == DOMAIN and gate.op_type == "SkipGate" and gate.inputs[0] == tensor
        return None if raw else mask

    def _derived_mask(self, tensor: str) -> str | None:
        node = self.producers.get(tensor)
        if node is None or node.domain not in ("", "ai.onnx"):
            return None
        inputs = [name for name in node.inputs if name and self.constant(name) is None]
        if not inputs or self.size(tensor) is None:
            return None
        _, height, width = self.size(tensor)  # type: ignore[misc]
        masks = [self.mask_of(name) for name in inputs]
        if any(mask is None for mask in masks):
            return None
        unique = tuple(dict.fromkeys(mask for mask in masks if mask))
        if node.op_type in REDUCE_OPS:
            return self._derive(tensor, DerivedMask("reduce", unique, height, width))
        if node.op_type not in UNION_OPS:
            return None
        if len(unique) == 1 and self.mask_size(unique[0]) == (height, width):
            return unique[0]
        return self._derive(tensor, DerivedMask("union", unique, height, width))

    def _derive(self, tensor: str, mask: DerivedMask) -> str:
        name = f"derived.{tensor}"
        self.derived[name] = mask
        return name
