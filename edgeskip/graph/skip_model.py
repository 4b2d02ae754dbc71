"""A skip model in memory: the graph of `model.skip.onnx`, its metadata, and what backends ask of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

from edgeskip.core.contract import DOMAIN, METADATA_KEY, OPS, SKIP_CONV, Metadata, StatePair
from edgeskip.core.errors import ContractError
from edgeskip.core.files import write_bytes
from edgeskip.graph.ir import Dim, Graph, Node

_GATE_INPUT = SKIP_CONV.inputs.index("gate")
_STATE_OUTPUT = re.compile(r"state\.\d+\.(?P<tensor>.+)\.next")


@dataclass(frozen=True)
class ConvInfo:
    """One skip convolution: `name` is the dense name of its output tensor, shapes are [N, C, H, W].

    `macs` multiply-accumulates per picture when every pixel is active, `pixels` height x width of
    its output.
    """

    node: Node
    name: str
    macs: int
    pixels: int
    in_shape: tuple[Dim, ...]
    out_shape: tuple[Dim, ...]


@dataclass(eq=False)
class SkipModel:
    """A validated skip model: a pure function (frame, states) -> (outputs, states, masks).

    Every node of domain `edgeskip` holds all attributes of its op (defaults filled in). `file` is
    where it was read from or goes to, for messages. `engine`: path of the TensorRT engine that it is, whose graph has
    no weights: only the backend that made it can run it.
    """

    graph: Graph
    metadata: Metadata
    file: str = ""
    engine: str = ""

    @cached_property
    def state_pairs(self) -> list[StatePair]:
        """The states, in order of their number."""
        return list(self.metadata.states)

    @cached_property
    def frame_inputs(self) -> list[str]:
        """Names of the graph inputs that are no states."""
        states = {pair.input for pair in self.state_pairs}
        return [name for name in self.graph.inputs if name not in states]

    @cached_property
    def outputs(self) -> list[str]:
        """Names of the dense network's outputs, in order."""
        own = {pair.output for pair in self.state_pairs} | set(self.metadata.masks.values())
        return [name for name in self.graph.outputs if name not in own]

    @cached_property
    def convolutions(self) -> list[ConvInfo]:
        """The skip convolutions in graph order."""
        return [self._conv_info(node) for node in self.graph.nodes if is_op(node, "SkipConv")]

    @cached_property
    def gate_convolutions(self) -> frozenset[str]:
        """Names of convolutions that only decide (those of Gumbel gates): the dense network has none of them."""
        gates = [info.node.input(_GATE_INPUT) for info in self.convolutions]
        deciding, dense = self._behind(gates), self._behind(self.outputs)
        return frozenset(info.name for info in self.convolutions if id(info.node) in deciding - dense)

    @cached_property
    def dense_macs(self) -> int:
        """Multiply-accumulates of the dense network's convolutions that skip, for one picture."""
        return sum(info.macs for info in self.convolutions if info.name not in self.gate_convolutions)

    def frame_shape(self, name: str) -> tuple[Dim, ...]:
        """Shape [N, C, H, W] of frame input `name`; N as in the file, maybe symbolic."""
        return self.graph.info[name].shape

    def mask_of(self, tensor: str) -> str | None:
        """Name of the mask of `tensor` (dense name or name in the file), None where it has none."""
        return self.metadata.masks.get(tensor)

    def dense_name(self, tensor: str) -> str:
        """The dense network's name of a tensor of the file."""
        return dense_name(tensor)

    def state_shape(self, pair: StatePair, streams: int) -> tuple[int, ...]:
        """Shape of a state for `streams` pictures at once."""
        return (streams, *(int(size) for size in self.graph.info[pair.input].shape[1:]))

    def _behind(self, tensors: Iterable[str]) -> set[int]:
        """Ids of the nodes that `tensors` depend on, other than by the decision of a learned gate."""
        producers, seen, waiting = self.graph.producers(), set(), list(tensors)
        while waiting:
            node = producers.get(waiting.pop())
            if node is not None and id(node) not in seen:
                seen.add(id(node))
                skipped = _GATE_INPUT if is_op(node, "SkipConv") else None
                waiting += [name for index, name in enumerate(node.inputs) if index != skipped]
        return seen

    def _conv_info(self, node: Node) -> ConvInfo:
        in_shape, out_shape = self.graph.shape(node.inputs[0]), self.graph.shape(node.outputs[0])
        weight = self.graph.shape(node.inputs[2])
        if in_shape is None or out_shape is None or weight is None:
            raise ContractError(f"{self.file}: the shapes of convolution {node.outputs[0]} are not known")
        # a tap does one multiply-accumulate per input channel of its group: both layouts have it in prod(weight)
        picture = in_shape if node.attributes["transposed"] else out_shape
        macs = int(picture[2]) * int(picture[3]) * prod(int(size) for size in weight)
        pixels = int(out_shape[2]) * int(out_shape[3])
        return ConvInfo(node, dense_name(node.outputs[0]), macs, pixels, in_shape, out_shape)


def is_op(node: Node, op_type: str | None = None) -> bool:
    """Whether `node` is an op of the contract (and this one)."""
    return node.domain == DOMAIN and (op_type is None or node.op_type == op_type)


def dense_name(tensor: str) -> str:
    """`state.<k>.<tensor>.next` -> `tensor`; any other name stays."""
    match = _STATE_OUTPUT.fullmatch(tensor)
    return match["tensor"] if match else tensor


def fill_defaults(nodes: Iterable[Node]) -> None:
    """Give every contract op all its attributes. Unknown ops and missing required ones stay for `validate`."""
    for node in nodes:
        if is_op(node) and node.op_type in OPS:
            for name, default in OPS[node.op_type].attributes.items():
                if name not in node.attributes and isinstance(default, int | float | str | list):
                    node.attributes[name] = list(default) if isinstance(default, list) else default


def load_skip_model(path: str | Path) -> SkipModel:
    """Read and validate `model.skip.onnx`.

    Raises:
        ModelError: no such file, or not an ONNX file.
        ContractError: not a skip model, or one that breaks the contract.
    """
    from edgeskip.graph.onnx_io import load_graph
    from edgeskip.graph.validate import validate

    graph = load_graph(path)
    file = str(path)
    if METADATA_KEY not in graph.metadata:
        raise ContractError(
            f"{file}: this ONNX file is not a skip model: it has no metadata {METADATA_KEY!r}",
            hint=f"make one of a dense network: edgeskip export {file} -o model.skip.onnx",
        )
    _refuse_lowered(graph.metadata[METADATA_KEY], file)
    metadata = Metadata.from_json(graph.metadata[METADATA_KEY], file)
    fill_defaults(graph.nodes)
    model = SkipModel(graph, metadata, file)
    validate(model)
    return model


def _refuse_lowered(metadata: str, file: str) -> None:
    """A network that was written for TensorRT has the metadata of the skip model, but other ops and layouts."""
    try:
        lowered = "lowering" in json.loads(metadata)
    except (ValueError, TypeError):
        return  # refused with its reason when it is read
    if lowered:
        raise ContractError(
            f"{file}: this network was written for TensorRT (--for tensorrt), and is no skip model any more",
            hint="give the skip model that it was made of; this file is for trtexec and TensorRT's own tools",
        )


def to_bytes(model: SkipModel) -> bytes:
    """The whole `model.skip.onnx`, function bodies included."""
    from edgeskip.graph.onnx_io import to_proto

    model.graph.metadata[METADATA_KEY] = model.metadata.to_json()
    return to_proto(model.graph).SerializeToString(deterministic=True)


def save_skip_model(model: SkipModel, path: str | Path) -> None:
    """Validate and write `model` atomically. Raises ContractError, OutputError."""
    from edgeskip.graph.validate import validate

    validate(model)
    write_bytes(path, to_bytes(model))


def is_skip_model(path: str | Path) -> bool:
    """Whether the ONNX file `path` says that it is a skip model. Raises ModelError where it can't be read."""
    from edgeskip.graph.onnx_io import load_proto

    return any(entry.key == METADATA_KEY for entry in load_proto(path).metadata_props)
