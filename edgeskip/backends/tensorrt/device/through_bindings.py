"""The device through NVIDIA's cuda-bindings, a wheel that needs no compiler."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from edgeskip.backends.tensorrt.device.capture import CapturingDevice
from edgeskip.backends.tensorrt.device.interface import Event, Stream, pattern
from edgeskip.backends.tensorrt.device.translate import raise_code
from edgeskip.core.lazy import require

_EVENT_DEFAULT, _EVENT_DISABLE_TIMING = 0, 2
_COMPUTE_MAJOR, _COMPUTE_MINOR = "COMPUTE_CAPABILITY_MAJOR", "COMPUTE_CAPABILITY_MINOR"


class BindingsDevice(CapturingDevice):
    """GPU `ordinal` in its primary context, which the CUDA runtime inside TensorRT uses too."""

    binding = "cuda-bindings"

    def __init__(self, ordinal: int) -> None:
        self._cuda = require("cuda.bindings.driver", "tensorrt", "the tensorrt backend")
        self._call("cuInit", 0, doing="starting the driver")
        self._device = self._call("cuDeviceGet", ordinal, doing="opening the device")
        name = self._call("cuDeviceGetName", 256, self._device, doing="opening the device")
        self.name = bytes(name).split(b"\0")[0].decode(errors="replace")
        self.compute_capability = (self._attribute(_COMPUTE_MAJOR), self._attribute(_COMPUTE_MINOR))
        version = self._call("cuDriverGetVersion", doing="opening the device")
        self.driver_version = (version // 1000, version % 1000 // 10)
        self._context = self._call("cuDevicePrimaryCtxRetain", self._device, doing="opening the device")
        self._pinned: dict[int, int] = {}

    def _push(self) -> None:
        self._call("cuCtxPushCurrent", self._context, doing="making the device current")

    def _pop(self) -> None:
        self._call("cuCtxPopCurrent", doing="leaving the device")

    def close(self) -> None:
        self._call("cuDevicePrimaryCtxRelease", self._device, doing="closing the device")

    def memory_info(self) -> tuple[int, int]:
        free, total = self._call("cuMemGetInfo", doing="asking for the memory")
        return int(free), int(total)

    def allocate(self, size: int, purpose: str) -> int:
        return int(self._call("cuMemAlloc", max(1, size), doing=purpose, size=size))

    def free(self, pointer: int) -> None:
        self._call("cuMemFree", pointer, doing="freeing memory")

    def pinned(self, size: int) -> np.ndarray:
        address = int(self._call("cuMemHostAlloc", max(1, size), 0, doing="pinned host memory", size=size))
        buffer = (ctypes.c_uint8 * max(1, size)).from_address(address)
        array = np.frombuffer(buffer, np.uint8)
        self._pinned[array.ctypes.data] = address
        return array

    def free_pinned(self, array: np.ndarray) -> None:
        self._call("cuMemFreeHost", self._pinned.pop(array.ctypes.data), doing="freeing memory")

    def new_stream(self) -> Stream:
        stream = self._call("cuStreamCreate", 0, doing="making a stream")
        return Stream(int(stream), stream)

    def delete_stream(self, stream: Stream) -> None:
        self._call("cuStreamDestroy", stream.own, doing="deleting a stream")

    def synchronize(self, stream: Stream) -> None:
        self._call("cuStreamSynchronize", stream.own, doing="running the network")

    def new_event(self, timing: bool = False) -> Event:
        flags = _EVENT_DEFAULT if timing else _EVENT_DISABLE_TIMING
        return Event(self._call("cuEventCreate", flags, doing="making an event"))

    def delete_event(self, event: Event) -> None:
        self._call("cuEventDestroy", event.own, doing="deleting an event")

    def record(self, event: Event, stream: Stream) -> None:
        self._call("cuEventRecord", event.own, stream.own, doing="recording an event")

    def wait(self, stream: Stream, event: Event) -> None:
        self._call("cuStreamWaitEvent", stream.own, event.own, 0, doing="waiting for an event")

    def synchronize_event(self, event: Event) -> None:
        self._call("cuEventSynchronize", event.own, doing="running the network")

    def elapsed_ms(self, begin: Event, end: Event) -> float:
        return float(self._call("cuEventElapsedTime", begin.own, end.own, doing="reading a time"))

    def to_device(self, pointer: int, array: np.ndarray, stream: Stream) -> None:
        self._call("cuMemcpyHtoDAsync", pointer, array.ctypes.data, array.nbytes, stream.own,
                   doing="copying to the device")  # fmt: skip

    def to_host(self, array: np.ndarray, pointer: int, stream: Stream) -> None:
        self._call("cuMemcpyDtoHAsync", array.ctypes.data, pointer, array.nbytes, stream.own,
                   doing="copying from the device")  # fmt: skip

    def copy(self, target: int, source: int, size: int, stream: Stream) -> None:
        self._call("cuMemcpyDtoDAsync", target, source, size, stream.own, doing="copying on the device")

    def fill(self, pointer: int, value: np.generic, count: int, stream: Stream) -> None:
        bits, width = pattern(value)
        self._call(f"cuMemsetD{8 * width}Async", pointer, bits, count, stream.own, doing="filling memory")

    def _attribute(self, name: str) -> int:
        which = getattr(self._cuda.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")
        return int(self._call("cuDeviceGetAttribute", which, self._device, doing="opening the device"))

    def _call(self, name: str, *arguments: Any, doing: str, size: int | None = None) -> Any:
        """The results of a call of the driver, which returns (status, results...)."""
        status, *results = getattr(self._cuda, name)(*arguments)
        if int(status) != 0:
            raise_code(int(status), doing, size)
        return results[0] if len(results) == 1 else tuple(results)
