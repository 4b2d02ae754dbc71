"""Runs a lowered network in numpy: the plugins' ops are the contract's oracles, with layouts put right around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgeskip.backends.tensorrt.lowering import Lowered
from edgeskip.backends.tensorrt.lowering.names import CONV_INPUTS
from edgeskip.core.contract import SKIP_CONV
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.reference.convolution import convolve_node
from edgeskip.graph.reference.interpreter import Interpreter, _resize
from edgeskip.graph.reference.masks import skip_mask
from edgeskip.graph.reference.registry import ORACLES
from edgeskip.graph.reference.skip_ops import skip_conv, skip_gate

_DEFAULTS = {"alpha": [], "beta": 0.0, "transposed": 0, "output_padding": [0, 0]}


def edgeskip_conv(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """EdgeskipConv by the oracle of SkipConv; results in y_prev's type."""
    names = [key for key, flag in CONV_INPUTS if not flag or node.attributes[flag]]
    assert len(names) == len(inputs), f"{node.name}: flags say {names}, {len(inputs)} inputs are there"
    given = dict(zip(names, inputs, strict=True))
    last, half = node.attributes["channels_last"], given["y_prev"].dtype
    for key in ("x", "z", "y_prev"):
        if key in given:
            assert given[key].dtype == half, f"{node.name}: {key} is {given[key].dtype}, y_prev {half}"
            given[key] = _first(given[key], last).astype(np.float32)
    for key in ("b", "channel_weight"):
        assert key not in given or given[key].dtype == np.float32
    for key in ("mask_x", "mask_z", "gate", "pending"):
        assert key not in given or (given[key].dtype == np.int32 and given[key].shape[1] == 1)
    given["w"] = given["w"].transpose(0, 3, 1, 2).astype(np.float32)
    contract = Node("SkipConv", [], [], {**_DEFAULTS, **node.attributes})
    y, mask, *pending = skip_conv(contract, [given.get(key) for key in SKIP_CONV.inputs])
    return [_back(y.astype(half), last), mask, *pending]


def edgeskip_gate(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """EdgeskipGate by the oracle of SkipGate."""
    x, ref = inputs
    assert x.dtype == ref.dtype, f"{node.name}: {x.dtype} is compared with {ref.dtype}"
    assert x.shape == ref.shape, f"{node.name}: {x.shape} is compared with {ref.shape}"
    last = node.attributes["channels_last"]
    y, mask = skip_gate(node, [_first(x, last).astype(np.float32), _first(ref, last).astype(np.float32)])
    return [_back(y.astype(x.dtype), last), mask]


ORACLES.setdefault("EdgeskipConv", edgeskip_conv)
ORACLES.setdefault("EdgeskipGate", edgeskip_gate)
ORACLES.setdefault("EdgeskipMask", lambda node, inputs: skip_mask(_mask(node), inputs))


class LoweredRun:
    """Feeds a lowered network its own states, frame after frame."""

    def __init__(self, lowered: Lowered, graph: Graph | None = None, streams: int = 1) -> None:
        self.record = lowered.record
        self.interpreter = Interpreter(_runnable(graph or lowered.graph))
        self.states = {
            state["input"]: np.full(
                [streams, *state["shape"][1:]], np.nan if state["start"] == "nan" else 1, state["dtype"]
            )
            for state in self.record["states"]
        }

    def step(self, frame: np.ndarray | Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every tensor after one frame; types and shapes of what is bound are checked against the record."""
        feeds = frame if isinstance(frame, Mapping) else {self.record["inputs"][0]["name"]: frame}
        values = self.interpreter.run({**feeds, **self.states})
        for state in self.record["states"]:
            self._check(state, values[state["output"]], state["output"])
        for kind in ("outputs", "masks"):
            for entry in self.record[kind]:
                self._check(entry, values[entry["name"]], entry["name"])
        self.states = {state["input"]: values[state["output"]] for state in self.record["states"]}
        return values

    @staticmethod
    def _check(entry: dict, value: np.ndarray, name: str) -> None:
        assert value.dtype == entry["dtype"], f"{name} is {value.dtype}, the record says {entry['dtype']}"
        assert list(value.shape[1:]) == entry["shape"][1:], f"{name} is {value.shape}, the record says {entry['shape']}"


def _resize_last(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Nearest resize of [N, H, W, C]: our oracle resizes the last two dimensions."""
    x, _, scales, sizes = [*inputs, None, None, None][:4]
    order = [0, 3, 1, 2]
    plain = Node("Resize", [], [], dict(node.attributes))
    moved = [None if value is None or not value.size else value[order] for value in (scales, sizes)]
    return [_resize(plain, [x.transpose(order), None, *moved]).astype(x.dtype).transpose(0, 2, 3, 1)]


ORACLES.setdefault("ResizeLast", _resize_last)
ORACLES.setdefault("ResizeFirst", lambda node, inputs: [_resize(node, inputs).astype(inputs[0].dtype)])


def _convolution(node: Node, inputs: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Conv and ConvTranspose by our own taps: onnx's reference is slow, and wrong for groups that are transposed."""
    defaults = {"strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1], "group": 1, "output_padding": [0, 0]}
    attributes = {**defaults, **node.attributes, "transposed": int(node.op_type == "PlainConvTranspose")}
    y = convolve_node(Node(node.op_type, [], [], attributes), inputs[0], inputs[1])
    if len(inputs) > 2 and inputs[2] is not None:
        y = y + inputs[2].reshape(1, -1, 1, 1)
    return [y.astype(inputs[0].dtype)]


for _name in ("PlainConv", "PlainConvTranspose"):
    ORACLES.setdefault(_name, _convolution)


def _runnable(graph: Graph) -> Graph:
    """`graph` for our interpreter, which knows Resize of the last two dimensions only."""
    copy = copy_graph(graph)
    for node in copy.nodes:
        if node.op_type in ("Conv", "ConvTranspose"):
            node.op_type, node.domain = f"Plain{node.op_type}", "edgeskip.internal"
        if node.op_type == "Resize":
            x, y = graph.info[node.inputs[0]].shape, graph.info[node.outputs[0]].shape
            node.op_type = "ResizeLast" if x[1] != y[1] else "ResizeFirst"
            node.domain = "edgeskip.internal"
    return copy


def _mask(node: Node) -> Node:
    from edgeskip.core.contract import REQUIRED, SKIP_MASK

    defaults = {key: value for key, value in SKIP_MASK.attributes.items() if value is not REQUIRED}
    return Node("SkipMask", node.inputs, node.outputs, {**defaults, **node.attributes})


def _first(x: np.ndarray, last: int) -> np.ndarray:
    return x.transpose(0, 3, 1, 2) if last else x


def _back(x: np.ndarray, last: int) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if last else x
