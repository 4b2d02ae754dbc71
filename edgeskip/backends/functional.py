"""Runners of the file as it is: a pure function that is fed its own states, frame after frame."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from edgeskip.backends.base import FrameResult, LayerInfo, Runner
from edgeskip.backends.layer_list import layer_list
from edgeskip.core.contract import SKIP_CONV, StatePair
from edgeskip.core.errors import BackendError, InputError
from edgeskip.graph.ir import Node
from edgeskip.graph.reference.masks import candidates
from edgeskip.graph.skip_model import ConvInfo, SkipModel

_STARTS = {"nan": np.nan, "one": 1}


class FunctionalRunner(Runner):
    """Keeps the states and counts the cost; a backend writes `load`, `unload` and `compute`.

    `wanted` names what `compute` has to return: the file's outputs, and the decisions of learned gates.
    """

    where: str
    reason: str

    def __init__(self, model: SkipModel, *, streams: int = 1, threads: int = 1) -> None:
        super().__init__(model, streams=streams, threads=threads)
        batches = {name: model.frame_shape(name)[0] for name in model.frame_inputs}
        for name, batch in batches.items():
            if isinstance(batch, int) and batch not in (1, streams):
                raise BackendError(
                    f"input {name} has a fixed batch of {batch}, {streams} streams were asked for",
                    hint=f"use {batch} streams, or export the network with batch 1 or a symbolic batch",
                )
        self._one_by_one = streams > 1 and any(batch == 1 for batch in batches.values())
        # inputs of convolutions that are needed to count what was active
        gates = [_given(info.node, "gate") for info in model.convolutions]
        self.wanted = list(dict.fromkeys([*model.graph.outputs, *filter(None, gates)]))
        self._states: dict[str, np.ndarray] = {}
        self._masks: dict[str, np.ndarray] = {}

    @abstractmethod
    def load(self) -> None:
        """Make ready to compute."""

    @abstractmethod
    def unload(self) -> None:
        """Give everything back."""

    @abstractmethod
    def compute(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The tensors `wanted`, for frames and states of all streams or of one."""

    @property
    def layers(self) -> list[LayerInfo]:
        return layer_list(self.model, lambda tensor: (self.where, self.reason))

    @property
    def state_bytes(self) -> int:
        return sum(
            prod(self.model.state_shape(pair, 1)) * self.model.graph.info[pair.input].dtype.itemsize
            for pair in self.model.state_pairs
        )

    def activate_impl(self) -> None:
        self.load()
        self._states = {pair.input: self._unknown(pair) for pair in self.model.state_pairs}
        self._masks = {}

    def deactivate_impl(self) -> None:
        self.unload()
        self._states, self._masks = {}, {}

    def infer_impl(self, inputs: dict[str, np.ndarray]) -> FrameResult:
        feeds = {**inputs, **self._states}
        values = self._each_stream(feeds) if self._one_by_one else self.compute(feeds)
        result = self._counted(values)
        self._states = {pair.input: values[pair.output] for pair in self.model.state_pairs}
        self._masks = {name: values[name] for name in dict.fromkeys(self.model.metadata.masks.values())}
        return result

    def reset_impl(self, stream: int) -> None:
        for pair in self.model.state_pairs:
            # a backend's array may be read-only or shared with a result that the caller holds
            state = self._states[pair.input].copy()
            state[stream] = _STARTS[pair.start]
            self._states[pair.input] = state

    def mask_impl(self, tensor: str) -> np.ndarray:
        name = self.model.mask_of(tensor)
        if name is None:
            raise InputError(f"tensor {tensor} has no mask", hint="edgeskip inspect MODEL lists the masked tensors")
        if name not in self._masks:
            raise InputError("no frame was run yet, so there are no masks")
        return self._masks[name][:, 0] != 0

    def _each_stream(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        parts = [
            self.compute({name: value[index : index + 1] for name, value in feeds.items()})
            for index in range(self.streams)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.wanted}

    def _unknown(self, pair: StatePair) -> np.ndarray:
        dtype = self.model.graph.info[pair.input].dtype
        return np.full(self.model.state_shape(pair, self.streams), _STARTS[pair.start], dtype)

    def _counted(self, values: Mapping[str, np.ndarray]) -> FrameResult:
        pixels = {info.name: self._active_pixels(info, values) for info in self.model.convolutions}
        active = sum(info.macs * pixels[info.name] // info.pixels for info in self.model.convolutions)
        # the caller may write into what it gets
        outputs = {name: np.array(values[name]) for name in self.model.outputs}
        return FrameResult(outputs, active, self.model.dense_macs * self.streams, pixels)

    def _active_pixels(self, info: ConvInfo, values: Mapping[str, np.ndarray]) -> int:
        """Pixels that the rule of the contract computes, over all streams."""
        known: dict[str, Any] = {**values, **self._states}
        mask_z, gate = _given(info.node, "mask_z"), _given(info.node, "gate")
        active = candidates(info.node, known[_given(info.node, "mask_x")], known[mask_z] if mask_z else None)
        if gate:
            unknown = np.isnan(known[_given(info.node, "y_prev")]).any(axis=1, keepdims=True)
            active = (active | (known[_given(info.node, "pending")] != 0)) & ((known[gate] != 0) | unknown)
        return int(np.count_nonzero(active))


def _given(node: Node, name: str) -> str:
    return node.input(SKIP_CONV.inputs.index(name))
