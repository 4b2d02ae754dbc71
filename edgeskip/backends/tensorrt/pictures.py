"""Camera pictures on their way to the device: pinned, copied, and prepared there."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.tensorrt.device import Device, Stream
from edgeskip.backends.tensorrt.library import PluginLibrary
from edgeskip.backends.tensorrt.memory import Memory
from edgeskip.core.contract import Preparation


class Pictures:
    """One slot per camera, as large as its largest picture so far: memory is taken only when that grows."""

    def __init__(self, device: Device, memory: Memory, library: PluginLibrary, streams: int) -> None:
        self._device, self._memory, self._library = device, memory, library
        self._slots: list[tuple[np.ndarray, int] | None] = [None] * streams

    def put(
        self, index: int, picture: np.ndarray, preparation: Preparation, target: int, kind: np.dtype, stream: Stream
    ) -> None:
        """Enqueue: uint8 [h, w, 3] in BGR becomes picture `index` of the input at `target` (type `kind`)."""
        host, address = self._slot(index, picture.size)
        staged = host[: picture.size].reshape(picture.shape)
        np.copyto(staged, picture)
        self._device.to_device(address, host[: picture.size], stream)
        shape = (picture.shape[0], picture.shape[1])
        self._library.prepare_picture(address, shape, target, kind, index, preparation, stream.handle)

    def _slot(self, index: int, size: int) -> tuple[np.ndarray, int]:
        slot = self._slots[index]
        if slot is not None and slot[0].size >= size:
            return slot
        if slot is not None:
            self._slots[index] = None
            self._memory.release_pinned(slot[0])
            self._memory.release(slot[1])
        new = self._memory.pinned(size), self._memory.allocate(size, "a camera picture")
        self._slots[index] = new
        return new
