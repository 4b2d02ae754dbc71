"""An engine on a device with all its memory: what a runner activates and gives back as a whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.counting import Counted, count_items
from edgeskip.backends.tensorrt.device import Device
from edgeskip.backends.tensorrt.frames import FrameLoop
from edgeskip.backends.tensorrt.library import PluginLibrary
from edgeskip.backends.tensorrt.masks import MaskReader
from edgeskip.backends.tensorrt.memory import Memory, States, StateTensor
from edgeskip.backends.tensorrt.pictures import Pictures
from edgeskip.backends.tensorrt.plan import EnginePlan
from edgeskip.backends.tensorrt.session import Session, TensorSpec

_COUNTS = "edgeskip.counts"


class Execution:
    """Memory bound to an engine. All methods want to be called inside `with device.current()`.

    A frame is `upload` or `pictures.put` for every stream, `run`, then `finish`; only `finish` waits.
    """

    def __init__(
        self, device: Device, session: Session, library: PluginLibrary, plan: EnginePlan, inputs: list[str],
        streams: int, counted: list[Counted], in_place: bool, use_graph: bool,
    ) -> None:  # fmt: skip
        """Raises TensorRTError where the engine lacks a tensor, or memory does not suffice; then all is given back."""
        self._device, self._session, self._library = device, session, library
        self._streams, self._counted = streams, counted
        self._memory = Memory(device)
        self._close: list[Callable[[], None]] = [self._memory.close]
        try:
            self._take(plan, inputs, in_place, use_graph)
        except BaseException:
            self.close()
            raise

    def _take(self, plan: EnginePlan, inputs: list[str], in_place: bool, use_graph: bool) -> None:
        device, memory = self._device, self._memory
        self.stream = device.new_stream()
        self._close.append(lambda: device.delete_stream(self.stream))
        counts = TensorSpec(_COUNTS, False, np.dtype(np.int32), (max(1, len(self._counted)),))
        self.inputs = memory.block(self._specs(inputs), "the network's inputs", pinned=True)
        self.outputs = memory.block([*self._specs(plan.outputs), counts], "the network's outputs", pinned=True)
        self.masks = memory.block(self._specs(plan.masks), "the masks", pinned=True)
        tensors = [StateTensor(s.pair, self._specs([s.pair.input])[0], s.in_place) for s in plan.states]
        self.states = States(memory, tensors, self._streams, in_place)
        self._bind_once(plan)
        self._items = [self._count_items(parity) for parity in range(self.states.parities)]
        self.mask_reader = MaskReader(device, self.masks, self.stream)
        self._close.append(self.mask_reader.close)
        self.loop = FrameLoop(device, self._session, self.states, self.stream, use_graph, self._behind_the_network)
        self._close.append(self.loop.close)
        self.pictures = Pictures(device, memory, self._library, self._streams)
        for index in range(self._streams):
            self.states.forget(index, self._library, self.stream)
        device.synchronize(self.stream)

    def upload(self, values: dict[str, np.ndarray]) -> None:
        """Enqueue the copy of prepared inputs, float32 [N, C, H, W] by name."""
        for name, value in values.items():
            np.copyto(self.inputs.view(name), value, casting="same_kind")
        assert self.inputs.host is not None
        self._device.to_device(self.inputs.address, self.inputs.host, self.stream)

    def run(self) -> None:
        """Enqueue the frame."""
        self.mask_reader.before_frame()
        self.loop.run()
        self.mask_reader.after_frame()

    def finish(self) -> tuple[dict[str, np.ndarray], list[int]]:
        """Wait for the frame: its outputs as arrays of their own, and the active pixels of the counted convolutions."""
        self._device.synchronize(self.stream)
        names = [name for name in self.outputs.specs if name != _COUNTS]
        outputs = {name: np.array(self.outputs.view(name), _host_type(self.outputs.view(name))) for name in names}
        return outputs, [int(count) for count in self.outputs.view(_COUNTS)[: len(self._counted)]]

    def forget(self, index: int) -> None:
        """Enqueue the start values of one stream's state."""
        self.states.forget(index, self._library, self.stream)

    def snapshot(self) -> bytes:
        """Everything that the last frame left behind: outputs, masks and states. Waits; for checks."""
        self._device.synchronize(self.stream)
        parts = [self.outputs.view(name).tobytes() for name in self.outputs.specs if name != _COUNTS]
        for name, spec in [*self.masks.specs.items()]:
            parts.append(self._fetched(self.masks.pointer(name), spec.nbytes))
        for name, spec in self.states.specs.items():
            parts.append(self._fetched(self.states.pointer(name, self.states.parity), spec.nbytes))
        return b"".join(parts)

    def close(self) -> None:
        """Give everything back, last first; also where the device has failed."""
        while self._close:
            with suppress(errors.TensorRTError):
                self._close.pop()()

    def _behind_the_network(self, parity: int) -> None:
        if self._counted:
            counts = self.outputs.pointer(_COUNTS)
            self._library.count_active(
                self._items[parity], len(self._counted), self._streams, counts, self.stream.handle
            )
        assert self.outputs.host is not None
        self._device.to_host(self.outputs.host, self.outputs.address, self.stream)

    def _bind_once(self, plan: EnginePlan) -> None:
        """All but the states stay where they are; outputs that nobody wants need a place too."""
        for block in (self.inputs, self.outputs, self.masks):
            for name in block.specs:
                if name != _COUNTS:
                    self._session.bind(name, block.pointer(name))
        states = {name for state in plan.states for name in (state.pair.input, state.pair.output)}
        known = {*self.inputs.specs, *self.outputs.specs, *self.masks.specs, *states}
        unwanted = [spec for name, spec in self._session.tensors.items() if name not in known]
        missing = [spec.name for spec in unwanted if spec.is_input]
        if missing:
            raise errors.broken_sidecar(str(plan.path), f"it does not say what input {missing[0]} is")
        rest = self._memory.block(unwanted, "the network's outputs")
        for spec in unwanted:
            self._session.bind(spec.name, rest.pointer(spec.name))

    def _count_items(self, parity: int) -> int:
        """Address of the table of what is counted, for frames of `parity`."""
        if not self._counted:
            return 0
        names = {name for conv in self._counted for name in (conv.mask_x, conv.mask_z) if name}
        addresses = {name: self.masks.pointer(name) for name in names}
        shapes = {name: self.masks.specs[name].shape for name in names}
        pending = {
            conv.pending: (self.states.pointer(conv.pending, parity), self.states.pointer(conv.pending, 1 - parity))
            for conv in self._counted
            if conv.pending
        }
        items = count_items(self._counted, addresses, shapes, pending)
        address = self._memory.allocate(items.nbytes, "the table of layers")
        host = self._memory.pinned(items.nbytes)
        host[:] = items.view(np.uint8)
        self._device.to_device(address, host, self.stream)
        return address

    def _fetched(self, address: int, size: int) -> bytes:
        host = self._device.pinned(size)
        self._device.to_host(host, address, self.stream)
        self._device.synchronize(self.stream)
        data = host[:size].tobytes()
        self._device.free_pinned(host)
        return data

    def _specs(self, names: list[str]) -> list[TensorSpec]:
        missing = [name for name in names if name not in self._session.tensors]
        if missing:
            raise errors.engine_unloadable(str(self._session.path), f"it has no tensor {missing[0]}")
        return [self._session.tensors[name] for name in names]


def _host_type(array: np.ndarray) -> Any:
    """What a caller gets: float32 where the engine has halves."""
    return np.float32 if array.dtype == np.float16 else array.dtype
