"""The exported file against the torch network, frame by frame and layer by layer.

Every layer is checked by itself: it gets the states, and from the layers before it the outputs, that torch has. A
decision that rounding tips over in one layer so tells nothing about the layers behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgeskip.core.contract import SKIP_CONV
from edgeskip.core.errors import ModelError
from edgeskip.export.sessions import open_session
from edgeskip.export.torch_trace import Trace, Use, flatten
from edgeskip.export.verify import TOLERANCE, relative_error, start_states
from edgeskip.graph.ir import Graph, Node
from edgeskip.graph.onnx_io import to_proto
from edgeskip.graph.passes.copy_graph import copy_graph
from edgeskip.graph.passes.trained_gates import INPUT, PENDING, REFERENCE
from edgeskip.graph.reference.activations import activate
from edgeskip.graph.skip_model import SkipModel, is_op

if TYPE_CHECKING:
    from torch import Tensor, nn

# share of a layer's pixels whose decision rounding may tip over in a frame, and blocks, whatever their share
TIPPED_SHARE, TIPPED_BLOCKS = 0.01, 2


def verify_network(model: SkipModel, network: nn.Module, traced: Trace, frames: Iterable[np.ndarray]) -> float:
    """Largest error of a layer or output over `frames` (prepared pictures [1, C, H, W]), relative to its largest value.

    `model` was made of `traced` without thresholds besides the trained ones. The network's temporal state is left as
    it was.

    Raises:
        ModelError: a layer (named, with the frame) or an output differs by more than 1e-3 of its largest value.
    """
    import torch

    from edgeskip.nn.state import separate_state

    check = _Check(model, network, traced)
    with torch.no_grad(), separate_state(network):
        return max((check.frame(index, frame) for index, frame in enumerate(frames)), default=0.0)


class _Layer:
    """One use of a layer in the file: its node, its states, and how its output follows from torch's."""

    def __init__(self, node: Node, use: Use, model: SkipModel) -> None:
        self.node, self.use = node, use
        self.y, self.mask = node.outputs[:2]
        self.previous = node.inputs[SKIP_CONV.inputs.index("y_prev")]
        tensor = model.dense_name(self.y)
        pairs = {model.dense_name(pair.output): pair for pair in model.state_pairs}
        self.own = {key: pairs[f"{tensor}.{key}"] for key in (INPUT, REFERENCE, PENDING) if f"{tensor}.{key}" in pairs}
        self.scale, self.shift = _folded(model.graph, node, use)

    def output(self, y: Tensor) -> np.ndarray:
        """What the file has in the place of torch's y: what was folded into the convolution follows it."""
        attributes = self.node.attributes
        value = y.cpu().numpy().astype(np.float64) * self.scale + self.shift
        return activate(value, attributes["activation"], attributes["alpha"], attributes["beta"]).astype(np.float32)

    def states(self) -> dict[str, np.ndarray]:
        """torch's state under the names of the file's state inputs; empty before the first frame."""
        state = self.use.layer.sites[self.use.site].state
        if state is None:
            return {}
        given = {self.own[key].input: _array(state[_key(key)]) for key in self.own}
        return {self.previous: self.output(state["y"]), **given}


class _Check:
    def __init__(self, model: SkipModel, network: nn.Module, traced: Trace) -> None:
        self.model, self.network = model, network
        nodes = {node.name: node for node in model.graph.nodes if is_op(node, "SkipConv")}
        self.layers = [_Layer(nodes[_node_name(use, nodes)], use, model) for use in traced.uses.values()]
        graph, self.given = _apart(model.graph, self.layers)
        self.session = open_session(to_proto(graph), model.file)
        self.names = list(graph.outputs)
        self.states = start_states(model, 1)

    def frame(self, index: int, frame: np.ndarray) -> float:
        """Run one frame on both sides; returns the largest error of an output."""
        import torch

        before = [layer.states() for layer in self.layers]
        outputs = flatten(self.network(torch.from_numpy(np.ascontiguousarray(frame))))
        feeds = {**dict.fromkeys(self.model.frame_inputs, frame), **self.states}
        for layer, states in zip(self.layers, before, strict=True):
            feeds |= states
            feeds |= self._given(layer, states)
        found = dict(zip(self.names, self.session.run(self.names, feeds), strict=True))
        self.states = {pair.input: found[pair.output] for pair in self.model.state_pairs}
        errors = [self._compare_layer(layer, found, index) for layer in self.layers]
        return max([*errors, self._compare_outputs(found, outputs, index)])

    def _given(self, layer: _Layer, states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the layers behind `layer` read: torch's output, and the mask of what changed in it."""
        y = layer.output(layer.use.layer.sites[layer.use.site].state["y"])
        old = states.get(layer.previous)
        mask = np.ones_like(y[:, :1], bool) if old is None else (y != old).any(1, keepdims=True)
        values = {layer.y: y, layer.mask: mask.astype(np.int32)}
        return {self.given[name]: value for name, value in values.items() if name in self.given}

    def _compare_layer(self, layer: _Layer, found: dict[str, np.ndarray], index: int) -> float:
        state = layer.use.layer.sites[layer.use.site].state
        wanted = {layer.y: layer.output(state["y"])}
        wanted |= {layer.own[key].output: _array(state[_key(key)]) for key in layer.own}
        for name, value in wanted.items():
            wrong = _wrong_pixels(found[name], value)
            block = getattr(layer.use.layer.gate, "block", 1)
            if wrong > max(TIPPED_SHARE * value[0, 0].size, TIPPED_BLOCKS * block * block):
                raise ModelError(
                    f"layer {layer.use.title!r}: frame {index} of the exported file differs from torch at {wrong} of "
                    f"{value[0, 0].size} pixels",
                    hint="this is a bug of edgeskip: please report it, and leave the layer dense meanwhile",
                )
        y, largest = wanted[layer.y], max(float(np.abs(wanted[layer.y]).max(initial=0.0)), 1e-12)
        error = np.abs(found[layer.y] - y).max(1) / largest
        return float(error[error <= TOLERANCE].max(initial=0.0))

    def _compare_outputs(self, found: dict[str, np.ndarray], wanted: list[Tensor], index: int) -> float:
        errors = {
            name: relative_error(found[name], tensor.cpu().numpy())
            for name, tensor in zip(self.model.outputs, wanted, strict=True)
        }
        for name, error in errors.items():
            if not error <= TOLERANCE:
                raise ModelError(
                    f"output {name!r}: frame {index} of the exported file differs from torch by {error:.2g} of its "
                    f"largest value; at most {TOLERANCE:g} is allowed",
                    hint="what lies behind the last skip layer is exported wrongly: try the other --exporter",
                )
        return max(errors.values(), default=0.0)


def _apart(graph: Graph, layers: list[_Layer]) -> tuple[Graph, dict[str, str]]:
    """A copy in which nodes read given values in the place of the layers' outputs and masks; their names."""
    result, given = copy_graph(graph), {}
    names = [name for layer in layers for name in (layer.y, layer.mask)]
    read = {name for node in result.nodes for name in node.inputs}
    for name in names:
        if name in read:
            given[name] = result.fresh(f"given.{name}")
            result.info[given[name]] = result.info[name]
    for node in result.nodes:
        node.inputs = [given.get(name, name) for name in node.inputs]
    result.inputs += given.values()
    result.outputs = list(dict.fromkeys(result.outputs))
    return replace(result, metadata={}), given


def _folded(graph: Graph, node: Node, use: Use) -> tuple[np.ndarray, np.ndarray]:
    """scale and shift [1, O, 1, 1] of the per-channel map that the exporter folded into a layer's weights."""
    before = use.layer.weight.detach().cpu().double().numpy().reshape(len(use.layer.weight), -1)
    after = graph.constants[node.inputs[2]].astype(np.float64).reshape(before.shape)
    square = (before * before).sum(1)
    scale = np.where(square > 0, (before * after).sum(1) / np.where(square > 0, square, 1), 1.0)
    bias = 0.0 if use.layer.bias is None else use.layer.bias.detach().cpu().double().numpy()
    shift = (graph.constants[node.inputs[3]].astype(np.float64) if node.input(3) else 0.0) - scale * bias
    return scale.reshape(1, -1, 1, 1), np.asarray(shift).reshape(1, -1, 1, 1)


def _wrong_pixels(found: np.ndarray, wanted: np.ndarray) -> int:
    """Pixels that differ. Of pending masks: those that torch waits for and the file does not.

    The file may wait for more: a mask may say changed where a value is what it was, and computing it again is idle.
    """
    if found.dtype == np.int32:
        return int(((wanted != 0) & (found == 0)).sum())
    limit = TOLERANCE * max(float(np.abs(wanted).max(initial=0.0)), 1e-12)
    return int((~(np.abs(found - wanted) <= limit)).any(1).sum())


def _array(value: Tensor) -> np.ndarray:
    array: Any = value.cpu().numpy()
    return array.astype(np.int32 if array.dtype == bool else np.float32)


def _key(part: str) -> str:
    """torch's name of a part of the state."""
    return PENDING if part == PENDING else "reference"


def _node_name(use: Use, nodes: dict[str, Node]) -> str:
    assert use.title in nodes, f"layer {use.title} is not in the exported graph"
    return use.title
