"""Convolutions whose gates were trained: their place in the contract (docs/contract.md, "Learned gates").

Source of the gates: Habibian et al., Skip-Convolutions, CVPR 2021, eq. 5 (input), 7 (output) and 8 (Gumbel).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from edgeskip.core.contract import TEXTURE_FACTOR, StatePair, Threshold, fitting_block
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Dim, Graph, Node, TensorInfo
from edgeskip.graph.passes.fused_conv import LAYER

# parts of a layer's tensor name T: state.<k>.<T>.input and so on
INPUT, SIGNAL, REFERENCE, PENDING = "input", "signal", "reference", "pending"
INFINITY = float("inf")
# in the place of the mask of a frame that no gate but that of its only reader takes in
TAKEN_IN = ""


@dataclass(frozen=True)
class TrainedGate:
    """The gate of one convolution.

    `watches`: "input" and "output" compare with `threshold` = `tolerance` x `scale` in `norm`, on the input over a
    `window` with the change's sign, and without it at `TEXTURE_FACTOR` times the threshold; "signal" opens where
    bias + change > 0, change being that of the convolution with `weight` [K, C, kh, kw] (with `magnitude` the sum of
    its K magnitudes), for squares of `block` x `block` pixels together, or of the smaller block with which
    `least_blocks` lie along the map's shorter side.
    """

    watches: str
    threshold: float = 0.0
    tolerance: float = 0.0
    scale: float = 1.0
    norm: str = "l2"
    window: int = 1
    weight: np.ndarray | None = None
    bias: float = 0.0
    block: int = 1
    least_blocks: int = 0
    magnitude: bool = False


class Placement(Protocol):
    """What is needed of the graph in the making (`place_gates`)."""

    dense: Graph
    new: Graph
    masks: dict[str, str]

    def name_of(self, tensor: str) -> str: ...
    def state(self, tensor: str, info: TensorInfo | None = None, start: str = "nan") -> StatePair: ...
    def gate(
        self, tensor: str, source: str, signed: Threshold, threshold: float, window: int = 1, **options: object
    ) -> str: ...
    def conv(self, node: Node, threshold: Threshold, norm: str, block: int, **given: str) -> None: ...


def place_trained(placement: Placement, node: Node, gate: TrainedGate) -> None:
    """Write `node` (a FusedConv with attribute `layer`) with its gate."""
    if node.inputs[0] not in placement.masks:
        raise ModelError(
            f"layer {node.attributes[LAYER]!r}: its input {node.inputs[0]} is no picture of fixed size, or an output "
            "pixel reads none of its pixels: it can't skip",
            hint="leave the layer out: Policy(exclude=...)",
        )
    {"input": _on_input, "output": _on_output, "signal": _on_signal}[gate.watches](placement, node, gate)


def _on_output(placement: Placement, node: Node, gate: TrainedGate) -> None:
    placement.conv(node, _threshold(gate), gate.norm, 1)


def _on_input(placement: Placement, node: Node, gate: TrainedGate) -> None:
    """A gate of the layer's own: other readers of the tensor see it as it is."""
    tensor, own = node.inputs[0], f"{node.outputs[0]}.{INPUT}"
    info = placement.dense.info[tensor]
    unsigned = gate.window == 1
    signed = Threshold(INFINITY, 0.0, 0.0, "not used") if unsigned else _threshold(gate)
    mask = placement.gate(
        own, placement.name_of(tensor), signed, gate.threshold if unsigned else TEXTURE_FACTOR * gate.threshold,
        gate.window, norm=gate.norm, info=info, record=_threshold(gate),
    )  # fmt: skip
    if placement.masks[tensor] == TAKEN_IN:
        placement.masks[tensor] = mask
    exact = Threshold(0.0, 0.0, 0.0, "gate on the input")
    placement.conv(node, exact, gate.norm, 1, x=placement.name_of(own), mask_x=mask)


def _on_signal(placement: Placement, node: Node, gate: TrainedGate) -> None:
    """gate = bias + change(u - u_ref) > 0; where it stays closed a change is pending, and u_ref waits with it."""
    tensor, graph = node.outputs[0], placement.new
    batch, _, height, width = placement.dense.info[tensor].shape
    gate = replace(gate, block=fitting_block(gate.block, gate.least_blocks, height, width))
    channels = len(gate.weight)
    maps = TensorInfo(np.dtype(np.float32), (batch, channels, height, width))
    signal = _signal_conv(placement, node, gate, maps)
    reference = placement.state(f"{tensor}.{REFERENCE}", maps)
    pending = placement.state(f"{tensor}.{PENDING}", TensorInfo(np.dtype(np.int32), (batch, 1, height, width)), "one")
    writer = _Writer(graph, tensor, (batch, 1, height, width))
    decision = writer.decision(signal, reference.input, gate)
    learned = Threshold(0.0, 0.0, 0.0, f"Gumbel gate, block {gate.block}")
    placement.conv(node, learned, "l2", gate.block, gate=decision, pending=pending.input, pending_next=pending.output)
    waits = writer.add("Cast", [pending.output], "waits", np.bool_, to=9)
    kept = [waits, reference.input, signal]
    graph.nodes.append(Node("Where", kept, [reference.output], name=f"{tensor}.{REFERENCE}"))


def _signal_conv(placement: Placement, node: Node, gate: TrainedGate, info: TensorInfo) -> str:
    """u, the gate's convolution: the layer's geometry, no groups; exact."""
    name = f"{node.outputs[0]}.{SIGNAL}"
    weight = placement.new.add_constant(f"{name}.weight", gate.weight.astype(np.float32))
    geometry = {**node.attributes, "group": 1, "activation": "none", "alpha": [], "beta": 0.0}
    small = Node("FusedConv", [node.inputs[0], weight], [name], geometry, node.domain, name)
    placement.dense.info.setdefault(name, info)
    placement.conv(small, Threshold(0.0, 0.0, 0.0, "the gate's own convolution"), "l2", 1)
    return placement.name_of(name)


def _threshold(gate: TrainedGate) -> Threshold:
    return Threshold(gate.threshold, gate.tolerance, gate.scale, f"trained norm gate on the {gate.watches}")


class _Writer:
    """Adds standard ops whose outputs are named `<layer's tensor>.gate.<step>`."""

    def __init__(self, graph: Graph, tensor: str, shape: tuple[Dim, ...]) -> None:
        self.graph, self.prefix, self.shape = graph, f"{tensor}.gate", shape

    def add(self, op: str, inputs: list[str], step: str, dtype: type = np.float32, **attributes: object) -> str:
        """Append a node; its output has the shape of the map unless `shape` says otherwise."""
        shape = attributes.pop("shape", self.shape)
        output = self.graph.fresh(f"{self.prefix}.{step}")
        self.graph.info[output] = TensorInfo(np.dtype(dtype), shape)
        self.graph.nodes.append(Node(op, inputs, [output], attributes, name=output))
        return output

    def constant(self, step: str, value: np.ndarray) -> str:
        return self.graph.add_constant(f"{self.prefix}.{step}", value)

    def decision(self, signal: str, reference: str, gate: TrainedGate) -> str:
        """int32 mask of the pixels whose block is open."""
        batch, _, *size = self.shape
        change = self.add("Sub", [signal, reference], "change", shape=(batch, len(gate.weight), *size))
        if gate.magnitude:
            change = self.add("Abs", [change], "magnitude", shape=(batch, len(gate.weight), *size))
            change = self.add("ReduceSum", [change, self.constant("axes", np.array([1]))], "sum", keepdims=1)
        logit = self.add("Add", [change, self.constant("bias", np.float32([gate.bias]))], "logit")
        if gate.block > 1:
            logit = self._blocks(logit, gate.block)
        is_open = self.add("Greater", [logit, self.constant("zero", np.float32(0))], "open", np.bool_)
        return self.add("Cast", [is_open], "mask", np.int32, to=6)

    def _blocks(self, logit: str, block: int) -> str:
        """Each pixel the largest logit of its block; blocks at the right and bottom border are clipped."""
        batch, _, height, width = self.shape
        rows, columns = -(-height // block), -(-width // block)
        square = {"kernel_shape": [block] * 2, "strides": [block] * 2}
        logit = self.add("MaxPool", [logit], "blocks", shape=(batch, 1, rows, columns), ceil_mode=1, **square)
        scales = self.constant("scales", np.float32([1, 1, block, block]))
        nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        whole = (batch, 1, rows * block, columns * block)
        logit = self.add("Resize", [logit, "", scales], "pixels", shape=whole, **nearest)
        if whole == self.shape:
            return logit
        starts, ends = self.constant("starts", np.array([0, 0])), self.constant("ends", np.array([height, width]))
        return self.add("Slice", [logit, starts, ends, self.constant("window", np.array([2, 3]))], "cropped")
