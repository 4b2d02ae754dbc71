"""From the canonical dense graph to a skip model: every convolution skips, every mask is placed.

Source of the rules: docs/architecture.md, "The skip convolution, drift-free".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

import edgeskip
from edgeskip.core.contract import (
    BLOCKS,
    DOMAIN,
    NORMS,
    SKIP_CONV,
    TEXTURE_FACTOR,
    Metadata,
    Preparation,
    StatePair,
    Task,
    Threshold,
    mask_name,
    state_input,
    state_output,
)
from edgeskip.core.errors import ModelError
from edgeskip.graph.ir import Graph, Node, TensorInfo
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.fused_conv import COMPARES_OUTPUT, LAYER
from edgeskip.graph.passes.gate_demand import Demand
from edgeskip.graph.passes.place_masks import MaskRule, size_of
from edgeskip.graph.passes.trained_gates import TAKEN_IN, TrainedGate, place_trained
from edgeskip.graph.skip_model import SkipModel, fill_defaults

DEFAULT_FRAME_THRESHOLD = 4.0


@dataclass(frozen=True)
class GateOptions:
    """How far a value may move before it counts as changed.

    `tolerance` is relative to each layer's own `scales` (dense tensor name to mean norm over
    channels), `frame_threshold` in steps of a 0..255 picture (None: 6, or 0 at tolerance 0).
    `preparations` maps a network input to how its picture is made; `source` says where the scales
    came from. `trained` holds the gates of convolutions that bring their own, by the name in their `layer`
    attribute; tolerance, norm and block are for all others.
    """

    tolerance: float = 0.06
    frame_threshold: float | None = None
    frame_window: int = 5
    norm: str = "l2"
    block: int = 1
    scales: Mapping[str, float] = field(default_factory=dict)
    preparations: Mapping[str, Preparation] = field(default_factory=dict)
    task: Task = field(default_factory=Task)
    source: str = "given"
    trained: Mapping[str, TrainedGate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.tolerance >= 0 and (self.frame_threshold is None or self.frame_threshold >= 0)):
            raise ModelError(f"thresholds can't be negative: {self.tolerance}, {self.frame_threshold}")
        if self.norm not in NORMS or self.block not in BLOCKS or self.frame_window % 2 == 0 or self.frame_window < 1:
            raise ModelError(
                f"norm {self.norm!r}, block {self.block}, frame window {self.frame_window}: "
                f"norm is one of {', '.join(NORMS)}, block one of {BLOCKS}, the window an odd number"
            )

    @property
    def frame_steps(self) -> float:
        """The frame threshold in picture steps, chosen where it was not given."""
        if self.frame_threshold is not None:
            return self.frame_threshold
        return DEFAULT_FRAME_THRESHOLD if self.tolerance else 0.0


def place_gates(graph: Graph, options: GateOptions) -> SkipModel:
    """A skip model of the canonical dense `graph` (the result of `simplify`), which stays as it is.

    Raises:
        ModelError: an input that is no float32 picture of fixed size, or a layer without a scale.
    """
    return _Placement(graph, options).run()


class _Placement:
    """The new graph while it is made. `file_name` maps a dense tensor to what holds it in the new graph."""

    def __init__(self, dense: Graph, options: GateOptions) -> None:
        self.dense, self.options = copy_graph(dense), options
        self.demand = Demand(self.dense)
        self.new = copy_graph(dense)
        self.new.nodes = []
        self.metadata = Metadata(task=options.task, generator=f"edgeskip {edgeskip.__version__}")
        self.file_name: dict[str, str] = {}
        self.masks: dict[str, str] = {}
        self._placed: dict[tuple, str] = {}

    def run(self) -> SkipModel:
        self._frame_gates()
        for node in self.dense.nodes:
            self._place(node)
        for tensor in self.dense.outputs:
            if self.file_name.get(tensor, tensor) != tensor and tensor not in self.dense.inputs:
                self.new.nodes.append(Node("Identity", [self.file_name[tensor]], [tensor]))
        pairs = self.metadata.states
        self.new.inputs += [pair.input for pair in pairs]
        self.new.outputs += [pair.output for pair in pairs]
        self.new.outputs += dict.fromkeys(self.masks.values())
        self.metadata.masks = dict(self.masks)
        fill_defaults(self.new.nodes)
        return SkipModel(_standard(self.new), self.metadata)

    def _frame_gates(self) -> None:
        for name in self.dense.inputs:
            info = self.dense.info.get(name)
            if info is None or info.dtype != np.float32 or size_of(self.dense, name) is None:
                shape = "unknown" if info is None else f"{info.dtype} {list(info.shape)}"
                raise ModelError(
                    f"input {name} is {shape}; an input must be float32 [N, C, H, W] with fixed C, H and W",
                    hint="export the network with a fixed picture size and float32 input",
                )
            preparation = self.options.preparations.get(name)
            step = float(np.mean(np.abs(preparation.scale))) if preparation else 1.0
            if preparation:
                self.metadata.inputs[name] = preparation
            if self._gates_itself(name):
                self.masks[name] = TAKEN_IN
                continue
            steps = self.options.frame_steps
            threshold = Threshold(steps * step, steps, step, "frame threshold in steps of a 0..255 picture")
            self.gate(name, name, threshold, TEXTURE_FACTOR * threshold.value, self.options.frame_window)

    def _gates_itself(self, name: str) -> bool:
        """Whether one convolution with a trained gate on its input is all that reads a frame that is passed exactly."""
        readers = [node for node in self.dense.nodes if name in node.inputs]
        layers = [node.attributes.get(LAYER) for node in readers if node.inputs.count(name) == 1]
        alone = len(readers) == len(layers) == 1 and layers[0] is not None and name not in self.dense.outputs
        return alone and not self.options.frame_steps and self.options.trained[layers[0]].watches == "input"

    def _place(self, node: Node) -> None:
        if LAYER in node.attributes:
            place_trained(self, node, self.options.trained[node.attributes[LAYER]])
            return
        if self.demand.is_skippable(node) and node.inputs[0] in self.masks and self._residual_known(node):
            self.conv(node, self._layer_threshold(node.outputs[0]), self.options.norm, self.options.block)
            return
        rule = self.demand.rules[id(node)]
        if rule is None or not all(name in self.masks for name in rule.inputs):
            self._dense(node)
        elif rule.kind == "reduce" and self._is_gateable(node.outputs[0]):
            self._pooled_vector(node, rule)
        else:
            self._copy(node, node.outputs)
            self._mask(rule, [name for name in node.outputs if name])

    def _residual_known(self, node: Node) -> bool:
        residual = node.input(3)
        return not residual or residual in self.masks or self.dense.constant(residual) is not None

    def conv(self, node: Node, threshold: Threshold, norm: str, block: int, **given: str) -> None:
        """Write `node` as a SkipConv; `given` are inputs of a learned gate, or take the place of others."""
        tensor = node.outputs[0]
        state = self.state(tensor)
        outputs = [state.output, self._new_mask(tensor, state.output)]
        if "pending_next" in given:
            outputs.append(given.pop("pending_next"))
        inputs = dict.fromkeys(SKIP_CONV.inputs, "")
        inputs |= {"x": self.name_of(node.inputs[0]), "mask_x": self.masks.get(node.inputs[0], ""), "w": node.inputs[1]}
        inputs |= {"b": node.input(2), "z": self.name_of(node.input(3)), "mask_z": self.masks.get(node.input(3), "")}
        inputs |= {"y_prev": state.input, **given}
        names = list(inputs.values())[: None if inputs["pending"] else -1]
        attributes = {key: value for key, value in node.attributes.items() if key not in (LAYER, COMPARES_OUTPUT)}
        attributes |= {"threshold": threshold.value, "norm": norm, "block": block}
        self.new.nodes.append(Node("SkipConv", names, outputs, attributes, DOMAIN, node.name))
        self._record(tensor, state.output, outputs[1], threshold)

    def _pooled_vector(self, node: Node, rule: MaskRule) -> None:
        """A vector that moved a little keeps its old value, or the whole map that it scales would become active."""
        tensor = node.outputs[0]
        raw = self._copy_raw(node, tensor)
        self._mask(rule, [raw])
        threshold = self._layer_threshold(tensor)
        self.gate(tensor, raw, threshold, threshold.value)

    def _dense(self, node: Node) -> None:
        """Dense, and where a skip convolution waits for the mask it is found by comparing."""
        gated = [name for name in node.outputs if name and self._is_gateable(name)]
        raw = {name: self.new.fresh(f"{name}.raw") for name in gated}
        self._copy(node, [raw.get(name, name) for name in node.outputs])
        for name in gated:
            self.new.info[raw[name]] = self.dense.info[name]
            self.gate(name, raw[name], Threshold(0.0, 0.0, 0.0, "dense op, compared with its last output"), 0.0)

    def _is_gateable(self, tensor: str) -> bool:
        info = self.dense.info.get(tensor)
        return (
            self.demand.mask_needed(tensor)
            and info is not None
            and info.dtype == np.float32
            and size_of(self.dense, tensor) is not None
        )

    def gate(
        self,
        tensor: str,
        source: str,
        signed: Threshold,
        threshold: float,
        window: int = 1,
        *,
        norm: str | None = None,
        info: TensorInfo | None = None,
        record: Threshold | None = None,
    ) -> str:
        """Write a SkipGate of `source` (a name of the new graph) that makes `tensor`; returns its mask."""
        state = self.state(tensor, info)
        attributes = {
            "threshold": threshold, "threshold_signed": signed.value, "norm": norm or self.options.norm,
            "window": window,
        }  # fmt: skip
        outputs = [state.output, self._new_mask(tensor, state.output)]
        self.new.nodes.append(Node("SkipGate", [source, state.input], outputs, attributes, DOMAIN, f"gate.{tensor}"))
        self._record(tensor, state.output, outputs[1], record or signed)
        return outputs[1]

    def _mask(self, rule: MaskRule, tensors: list[str]) -> None:
        """Give `tensors` the mask of `rule`, placed once for all that need the same."""
        sources = list(dict.fromkeys(self.masks[name] for name in rule.inputs))
        key = (rule.kind, frozenset(sources), repr(sorted(rule.attributes.items())))
        if rule.kind == "union" and len(sources) == 1:
            mask = sources[0]
        elif key in self._placed:
            mask = self._placed[key]
        else:
            mask = self._placed[key] = self._new_mask(tensors[0], tensors[0])
            attributes = {"kind": rule.kind, **rule.attributes}
            self.new.nodes.append(Node("SkipMask", sources, [mask], attributes, DOMAIN, mask))
        self.masks.update(dict.fromkeys(tensors, mask))

    def _layer_threshold(self, tensor: str) -> Threshold:
        tolerance = self.options.tolerance
        if not self.demand.reaches_convolution(tensor):
            return Threshold(0.0, 0.0, 0.0, "no skip convolution follows")
        if not tolerance:
            return Threshold(0.0, 0.0, 0.0, "tolerance 0")
        if tensor not in self.options.scales:
            raise ModelError(
                f"layer {tensor} has no scale, so tolerance {tolerance} has no meaning there",
                hint="give frames from which the scales are taken, or use tolerance 0",
            )
        scale = float(self.options.scales[tensor])
        return Threshold(tolerance * scale, tolerance, scale, self.options.source)

    def state(self, tensor: str, info: TensorInfo | None = None, start: str = "nan") -> StatePair:
        """The next state, of `tensor` (or, with `info`, of a map that the dense network does not have)."""
        index = len(self.metadata.states)
        pair = StatePair(state_input(index, tensor), state_output(index, tensor), start)
        self.metadata.states.append(pair)
        info = info or self.dense.info[tensor]
        shape = (self._batch(), *info.shape[1:])
        self.new.info[pair.input] = self.new.info[pair.output] = TensorInfo(info.dtype, shape)
        return pair

    def _new_mask(self, tensor: str, like: str) -> str:
        name = self.new.fresh(mask_name(tensor))
        height, width = size_of(self.new, like)
        self.new.info[name] = TensorInfo(np.dtype(np.int32), (self._batch(), 1, height, width))
        return name

    def _record(self, tensor: str, file_name: str, mask: str, threshold: Threshold) -> None:
        self.file_name[tensor] = file_name
        self.masks[tensor] = self.masks[file_name] = mask
        self.metadata.thresholds[tensor] = threshold

    def _copy(self, node: Node, outputs: list[str]) -> None:
        inputs = [self.name_of(name) for name in node.inputs]
        self.new.nodes.append(Node(node.op_type, inputs, list(outputs), dict(node.attributes), node.domain, node.name))

    def _copy_raw(self, node: Node, tensor: str) -> str:
        raw = self.new.fresh(f"{tensor}.raw")
        self._copy(node, [raw])
        self.new.info[raw] = self.dense.info[tensor]
        return raw

    def name_of(self, tensor: str) -> str:
        """What holds a tensor of the dense network in the new graph."""
        return self.file_name.get(tensor, tensor)

    def _batch(self) -> int | str | None:
        return self.dense.info[self.dense.inputs[0]].shape[0]


def _standard(graph: Graph) -> Graph:
    """Convolutions that stayed dense as standard ops; nodes and constants that nothing reads dropped."""
    from edgeskip.graph.passes import expand_fused

    graph = expand_fused(graph)
    graph.remove_unused()
    return graph
