"""A gated network in the CPU engine, tens of times faster than torch: its gates are moved without exporting again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from torch import nn

from edgeskip.backends.base import FrameResult, Runner
from edgeskip.backends.registry import get_backend
from edgeskip.core.contract import SKIP_CONV, TEXTURE_FACTOR
from edgeskip.core.errors import BackendError
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.reproduce.subjects import Subject
from edgeskip.export.torch_network import export_torch
from edgeskip.graph.ir import Node
from edgeskip.graph.skip_model import SkipModel
from edgeskip.nn import GumbelGate, NormGate, SkipConv2d, skip_layers

VERIFIED = 8


class EngineNetwork:
    """The exported file of `network`, compared with it frame by frame when it is made.

    Raises:
        ModelError: it can't be exported.
        BackendError: no native engine here.
    """

    def __init__(self, network: nn.Module, subject: Subject) -> None:
        self._backend = get_backend("cpu")
        reason = self._backend.unavailable_reason()
        if reason is not None:
            raise BackendError(f"the CPU engine can't run here: {reason}", hint="edgeskip doctor")
        shown = to_input(subject.clips("tuning", 1, VERIFIED).frames(0)[0])
        self.model: SkipModel = export_torch(network, subject.preparation, subject.task, list(shown[:, None]))
        self._nodes = {node.name: node for node in self.model.graph.nodes if node.op_type == "SkipConv"}
        self._layers = skip_layers(network)

    def set(self, values: Mapping[str, float]) -> None:
        """Thresholds of norm gates (in units of their map) and biases of Gumbel gates, by layer."""
        for name, value in values.items():
            node, gate = self._nodes[name], self._layers[name].gate
            if isinstance(gate, GumbelGate):
                self.model.graph.constants[self._bias_of(node)] = np.float32([value])
            elif gate.on == "output":
                node.attributes["threshold"] = float(value)
            else:
                _set_input_gate(self._producer(node.inputs[0]), gate, float(value))

    def load(self, network: nn.Module) -> None:
        """Take the gates of `network`."""
        self.set({name: gate_value(layer) for name, layer in skip_layers(network).items()})

    def shares(self) -> dict[str, float]:
        """Share of the dense MACs of each gated layer."""
        titles = {self.model.dense_name(node.outputs[0]): name for name, node in self._nodes.items()}
        macs = {titles[info.name]: info.macs for info in self.model.convolutions}
        return {name: macs[name] / self.model.dense_macs for name in self._layers}

    def run(self, clips: Iterable[np.ndarray], counted: bool = True) -> Iterator[list[tuple[list[np.ndarray], float]]]:
        """`frame` over each of `clips` [T, H, W, 3], every first frame a reference."""
        with self.runner() as runner:
            for clip in clips:
                runner.reset()
                yield [self.frame(runner, picture, counted) for picture in clip]

    def runner(self) -> Runner:
        """A runner of one stream, with the gates as they are set now."""
        runner = self._backend.create_runner(self.model)
        runner.activate()
        return runner

    def frame(self, runner: Runner, picture: np.ndarray, counted: bool = True) -> tuple[list[np.ndarray], float]:
        """Outputs [1, ...] of `picture` (uint8 BGR [H, W, 3]), and needed / dense MACs.

        `counted`: with the comparisons of norm gates, which are under a hundredth and take longer to count than to do.
        """
        result = runner.infer_picture(picture)
        outputs = [result.outputs[name] for name in self.model.outputs]
        extra = self._comparisons(runner, result) if counted else 0.0
        return outputs, (result.active_macs + extra) / result.dense_macs

    def _comparisons(self, runner: Runner, result: FrameResult) -> float:
        """Multiply-accumulates of the norms at every pixel that a norm gate had to compare."""
        total = 0.0
        for name, layer in self._layers.items():
            if not isinstance(layer.gate, NormGate):
                continue
            node = self._nodes[name]
            cost = layer.gate.macs_per_pixel()
            if layer.gate.on == "output":
                total += cost * result.active_pixels[self.model.dense_name(node.outputs[0])]
            else:
                total += cost * self._compared(runner, result, self._producer(node.inputs[0]).inputs[0])
        return total

    def _compared(self, runner: Runner, result: FrameResult, tensor: str) -> int:
        """Pixels that a gate on `tensor` looks at: what changed, of a convolution what it computed, of a frame all."""
        if tensor in self.model.frame_inputs:
            return int(np.prod(self.model.frame_shape(tensor)[2:]))
        if self._producer(tensor).op_type == "SkipConv":
            return result.active_pixels[self.model.dense_name(tensor)]
        return int(runner.mask(tensor).sum())

    def _producer(self, tensor: str) -> Node:
        node = self.model.graph.producer(tensor)
        assert node is not None, tensor
        return node

    def _bias_of(self, node: Node) -> str:
        """The constant that is added to the change, up from the gate's mask."""
        at = self._producer(node.input(SKIP_CONV.inputs.index("gate")))
        while at.op_type != "Add":
            at = self._producer(at.inputs[0])
        return at.inputs[1]


def _set_input_gate(node: Node, gate: NormGate, threshold: float) -> None:
    if gate.window == 1:
        node.attributes["threshold"] = threshold
    else:
        node.attributes |= {"threshold": TEXTURE_FACTOR * threshold, "threshold_signed": threshold}


def gate_value(layer: SkipConv2d) -> float:
    """The one number that opens or closes a layer's gate: a norm gate's threshold, a Gumbel gate's bias."""
    gate = layer.gate
    return float((gate.threshold if isinstance(gate, NormGate) else gate.bias).detach())
