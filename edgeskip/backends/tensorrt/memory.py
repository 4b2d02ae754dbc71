"""All device and pinned memory of a runner, taken once: inputs, states, masks, outputs, counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgeskip.backends.tensorrt.device import Device, Stream
from edgeskip.backends.tensorrt.library import PluginLibrary
from edgeskip.backends.tensorrt.session import TensorSpec
from edgeskip.core.contract import StatePair

_ALIGNMENT = 256


@dataclass(frozen=True)
class Block:
    """Tensors one behind the other in device memory, with a pinned copy where the host reads or writes them."""

    address: int
    size: int
    offsets: dict[str, int]
    specs: dict[str, TensorSpec]
    host: np.ndarray | None = None

    def pointer(self, name: str) -> int:
        """Device address of tensor `name`."""
        return self.address + self.offsets[name]

    def view(self, name: str) -> np.ndarray:
        """The pinned copy of tensor `name`, in its shape and type."""
        assert self.host is not None
        spec, offset = self.specs[name], self.offsets[name]
        return self.host[offset : offset + spec.nbytes].view(spec.dtype).reshape(spec.shape)


@dataclass
class Memory:
    """Takes memory of `device` and gives it back as a whole."""

    device: Device
    _addresses: list[int] = field(default_factory=list)
    _pinned: list[np.ndarray] = field(default_factory=list)

    def block(self, specs: list[TensorSpec], purpose: str, pinned: bool = False) -> Block:
        """Room for tensors. Raises TensorRTError where there is none."""
        offsets, size = {}, 0
        for spec in specs:
            offsets[spec.name] = size
            size += -(-spec.nbytes // _ALIGNMENT) * _ALIGNMENT
        address = self.allocate(size, purpose)
        host = self.pinned(size) if pinned else None
        return Block(address, size, offsets, {spec.name: spec for spec in specs}, host)

    def allocate(self, size: int, purpose: str) -> int:
        """Address of device memory. Raises TensorRTError where there is none."""
        address = self.device.allocate(size, purpose)
        self._addresses.append(address)
        return address

    def pinned(self, size: int) -> np.ndarray:
        """uint8 [size] of pinned host memory."""
        array = self.device.pinned(size)
        self._pinned.append(array)
        return array

    def release(self, address: int) -> None:
        """Give one allocation back before the others."""
        self._addresses.remove(address)
        self.device.free(address)

    def release_pinned(self, array: np.ndarray) -> None:
        """Give one pinned array back before the others."""
        self._pinned = [kept for kept in self._pinned if kept is not array]
        self.device.free_pinned(array)

    def close(self) -> None:
        """Give everything back."""
        for address in self._addresses:
            self.device.free(address)
        for array in self._pinned:
            self.device.free_pinned(array)
        self._addresses, self._pinned = [], []


@dataclass(frozen=True)
class StateTensor:
    """One state as the engine has it; `in_place`: one buffer may be read and written by the same frame."""

    pair: StatePair
    spec: TensorSpec
    in_place: bool


class States:
    """What the network remembers: one buffer where a state is updated in place, else two that change roles.

    `parity` says which of the two the next frame reads; it stays 0 where every state is in place.
    """

    def __init__(self, memory: Memory, tensors: list[StateTensor], streams: int, in_place: bool) -> None:
        """`in_place` False: two buffers for every state. Raises TensorRTError where there is no memory."""
        self._memory, self._tensors, self._streams = memory, tensors, streams
        alone = {state.pair.input for state in tensors if in_place and state.in_place}
        self.specs = {state.spec.name: state.spec for state in tensors}
        self._first = memory.block([state.spec for state in tensors], "the network's state")
        changing = [state.spec for state in tensors if state.pair.input not in alone]
        self._second = memory.block(changing, "the network's state") if changing else None
        self.in_place = bool(alone)
        self.parities = 2 if changing else 1
        self.parity = 0

    @property
    def bytes_per_stream(self) -> int:
        """Device memory of one stream's state."""
        second = self._second.size if self._second else 0
        return (self._first.size + second) // self._streams

    def pointer(self, name: str, parity: int) -> int:
        """Address of state `name` (as it is read) as a frame of `parity` reads it."""
        second = parity == 1 and self._second is not None and name in self._second.offsets
        block = self._second if second and self._second is not None else self._first
        return block.pointer(name)

    def addresses(self, parity: int) -> dict[str, int]:
        """Tensor name to address, for a frame of `parity`."""
        pairs = [state.pair for state in self._tensors]
        read = {pair.input: self.pointer(pair.input, parity) for pair in pairs}
        return {**read, **{pair.output: self.pointer(pair.input, 1 - parity) for pair in pairs}}

    def advance(self) -> None:
        """The frame is in the stream: what it writes is what the next one reads."""
        self.parity = (self.parity + 1) % self.parities

    def forget(self, index: int, library: PluginLibrary, stream: Stream) -> None:
        """Start values for stream `index`, in the buffers that the next frame reads: no others matter."""
        for state in self._tensors:
            size = state.spec.nbytes // self._streams
            address = self.pointer(state.pair.input, self.parity)
            library.fill_unknown(address, size, index, state.pair.start, stream.handle)

    def close(self) -> None:
        """Give the buffers back."""
        for block in (self._first, self._second):
            if block is not None:
                self._memory.release(block.address)
