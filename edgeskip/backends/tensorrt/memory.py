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


class States:
    """What the network remembers: one buffer per state where it is updated in place, else two that change roles.

    `parity` says which of the two is read by the next frame.
    """

    def __init__(
        self, memory: Memory, pairs: list[StatePair], tensors: dict[str, TensorSpec], streams: int, in_place: bool
    ) -> None:
        self._memory, self._pairs, self._streams = memory, pairs, streams
        self.in_place = in_place
        self.parity = 0
        specs = [tensors[pair.input] for pair in pairs]
        count = 1 if in_place else 2
        self._blocks = [memory.block(specs, "the network's state") for _ in range(count)]
        self._specs = {spec.name: spec for spec in specs}

    @property
    def bytes_per_stream(self) -> int:
        """Device memory of one stream's state."""
        return sum(block.size for block in self._blocks) // self._streams

    def addresses(self, parity: int) -> dict[str, int]:
        """Tensor name to address, for a frame that reads the buffers of `parity`."""
        reads, writes = self._blocks[parity % len(self._blocks)], self._blocks[(parity + 1) % len(self._blocks)]
        inputs = {pair.input: reads.pointer(pair.input) for pair in self._pairs}
        return {**inputs, **{pair.output: writes.pointer(pair.input) for pair in self._pairs}}

    def advance(self) -> None:
        """The frame is in the stream: what it writes is what the next one reads."""
        self.parity = (self.parity + 1) % len(self._blocks)

    def forget(self, index: int, library: PluginLibrary, stream: Stream) -> None:
        """Start values for stream `index`; what the next frame reads is all that counts."""
        block = self._blocks[self.parity]
        for pair in self._pairs:
            size = self._specs[pair.input].nbytes // self._streams
            library.fill_unknown(block.pointer(pair.input), size, index, pair.start, stream.handle)

    def close(self) -> None:
        """Give the buffers back."""
        for block in self._blocks:
            self._memory.release(block.address)
        self._blocks = []
