"""Small skip models, written by hand: the dense picture `x` goes through a gate, then through `nodes`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from edgeskip.core.contract import DOMAIN, Metadata, StatePair
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.skip_model import SkipModel, dense_name, fill_defaults

FLOAT, INT = np.dtype(np.float32), np.dtype(np.int32)


class ModelBuilder:
    """Adds nodes with their shapes and masks; `model()` is the skip model."""

    def __init__(self, channels: int = 4, height: int = 6, width: int = 8, threshold: float = 0.0) -> None:
        self.graph = Graph([], ["x"], [], {}, {}, 17)
        self.metadata = Metadata()
        self.graph.info["x"] = TensorInfo(FLOAT, (1, channels, height, width))
        self.gate("x", threshold)

    def constant(self, name: str, value: np.ndarray) -> str:
        """A constant tensor."""
        self.graph.constants[name] = value
        return name

    def gate(self, x: str, threshold: float = 0.0) -> str:
        """SkipGate on `x`; returns what it publishes."""
        shape = self.graph.info[x].shape
        old, new, mask = self._state(x, shape), f"state.{self._count - 1}.{x}.next", f"mask.{x}"
        self._masked((x, new), mask, shape)
        self.graph.nodes.append(Node("SkipGate", [x, old], [new, mask], {"threshold": threshold}, DOMAIN))
        return new

    def conv(
        self, x: str, name: str, weight: np.ndarray, out: tuple[int, int], z: str = "", **attributes: object
    ) -> str:
        """SkipConv without bias; `out` is the output's (height, width). Returns what it publishes."""
        shape = (1, weight.shape[0], *out)
        w = self.constant(f"{name}.w", weight)
        old, new, mask = self._state(name, shape), f"state.{self._count - 1}.{name}.next", f"mask.{name}"
        self._masked((name, new), mask, shape)
        inputs = [x, self.metadata.masks[x], w, "", z, self.metadata.masks[z] if z else "", "", "", old]
        values = {"kernel_shape": list(weight.shape[2:]), "threshold": 0.0, **attributes}
        self.graph.nodes.append(Node("SkipConv", inputs, [new, mask], values, DOMAIN))
        return new

    def mask(self, name: str, inputs: Iterable[str], shape: tuple[int, ...], **attributes: object) -> str:
        """SkipMask that belongs to tensor `name`."""
        self._masked((name,), f"mask.{name}", shape)
        masks = [self.metadata.masks[tensor] for tensor in inputs]
        self.graph.nodes.append(Node("SkipMask", masks, [f"mask.{name}"], dict(attributes), DOMAIN))
        return f"mask.{name}"

    def same_mask(self, name: str, other: str) -> None:
        """`name` changes where `other` does."""
        self.metadata.masks[name] = self.metadata.masks[other]

    def op(
        self, op_type: str, inputs: list[str], shapes: dict[str, tuple[int, ...]], dtype: np.dtype = FLOAT,
        domain: str = "", **attributes: object,
    ) -> None:  # fmt: skip
        """A standard op that writes `shapes`."""
        for name, shape in shapes.items():
            self.graph.info[name] = TensorInfo(dtype, shape)
        self.graph.nodes.append(Node(op_type, inputs, list(shapes), dict(attributes), domain))

    def model(self, *outputs: str) -> SkipModel:
        """The model with dense outputs `outputs`; a state among them is also written under its dense name."""
        outputs = tuple(self._dense(name) for name in outputs)
        states = [pair.output for pair in self.metadata.states]
        self.graph.outputs = [*outputs, *states, *dict.fromkeys(self.metadata.masks.values())]
        fill_defaults(self.graph.nodes)
        return SkipModel(self.graph, self.metadata, "small.skip.onnx")

    def _dense(self, name: str) -> str:
        dense = dense_name(name)
        if dense != name:
            self.op("Identity", [name], {dense: self.graph.info[name].shape})  # type: ignore[dict-item]
        return dense

    @property
    def _count(self) -> int:
        return len(self.metadata.states)

    def _state(self, name: str, shape: tuple[object, ...]) -> str:
        old, new = f"state.{self._count}.{name}", f"state.{self._count}.{name}.next"
        self.graph.inputs.append(old)
        for tensor in (old, new):
            self.graph.info[tensor] = TensorInfo(FLOAT, shape)  # type: ignore[arg-type]
        self.metadata.states.append(StatePair(old, new))
        return old

    def _masked(self, tensors: Iterable[str], mask: str, shape: tuple[object, ...]) -> None:
        self.graph.info[mask] = TensorInfo(INT, (1, 1, *shape[2:]))  # type: ignore[arg-type]
        self.metadata.masks.update(dict.fromkeys(tensors, mask))


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    """Random float32 of mean 0."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
