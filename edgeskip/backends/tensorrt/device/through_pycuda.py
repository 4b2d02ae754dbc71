"""The device through pycuda."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from edgeskip.backends.tensorrt.device.capture import CapturingDevice
from edgeskip.backends.tensorrt.device.interface import Event, Stream, pattern
from edgeskip.backends.tensorrt.device.probe import LIBRARY
from edgeskip.backends.tensorrt.device.translate import raise_text
from edgeskip.core.lazy import require


class PycudaDevice(CapturingDevice):
    """GPU `ordinal` in its primary context, which the CUDA runtime inside TensorRT uses too."""

    binding = "pycuda"

    def __init__(self, ordinal: int) -> None:
        self._cuda = require("pycuda.driver", "tensorrt", "the tensorrt backend")
        with self._translated("opening the device"):
            self._cuda.init()
            gpu = self._cuda.Device(ordinal)
            self.name = gpu.name()
            self.compute_capability = tuple(gpu.compute_capability())
            version = self._cuda.get_driver_version()
            self.driver_version = (version // 1000, version % 1000 // 10)
            self._context = gpu.retain_primary_context()
        self._memory: dict[int, object] = {}

    def _push(self) -> None:
        with self._translated("making the device current"):
            self._context.push()

    def _pop(self) -> None:
        self._cuda.Context.pop()

    def close(self) -> None:
        """From any thread; pycuda's own detach leaves a primary context current, and does nothing in other threads."""
        self._memory.clear()
        self._push()
        ctypes.CDLL(LIBRARY).cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))
        self._context.detach()

    def memory_info(self) -> tuple[int, int]:
        with self._translated("asking for the memory"):
            return self._cuda.mem_get_info()

    def allocate(self, size: int, purpose: str) -> int:
        with self._translated(purpose, size):
            allocation = self._cuda.mem_alloc(max(1, size))
        self._memory[int(allocation)] = allocation
        return int(allocation)

    def free(self, pointer: int) -> None:
        allocation = self._memory.pop(pointer)
        with self._translated("freeing memory"):
            allocation.free()  # type: ignore[attr-defined]

    def pinned(self, size: int) -> np.ndarray:
        with self._translated("pinned host memory", size):
            return self._cuda.pagelocked_empty(max(1, size), np.uint8)

    def free_pinned(self, array: np.ndarray) -> None:
        """pycuda frees it with the last reference."""

    def new_stream(self) -> Stream:
        with self._translated("making a stream"):
            stream = self._cuda.Stream()
        return Stream(stream.handle, stream)

    def delete_stream(self, stream: Stream) -> None:
        """pycuda does it with the last reference."""

    def synchronize(self, stream: Stream) -> None:
        with self._translated("running the network"):
            stream.own.synchronize()

    def new_event(self, timing: bool = False) -> Event:
        flags = 0 if timing else self._cuda.event_flags.DISABLE_TIMING
        with self._translated("making an event"):
            return Event(self._cuda.Event(flags))

    def delete_event(self, event: Event) -> None:
        """pycuda does it with the last reference."""

    def record(self, event: Event, stream: Stream) -> None:
        with self._translated("recording an event"):
            event.own.record(stream.own)

    def wait(self, stream: Stream, event: Event) -> None:
        with self._translated("waiting for an event"):
            stream.own.wait_for_event(event.own)

    def synchronize_event(self, event: Event) -> None:
        with self._translated("running the network"):
            event.own.synchronize()

    def elapsed_ms(self, begin: Event, end: Event) -> float:
        with self._translated("reading a time"):
            return float(begin.own.time_till(end.own))

    def to_device(self, pointer: int, array: np.ndarray, stream: Stream) -> None:
        with self._translated("copying to the device"):
            self._cuda.memcpy_htod_async(pointer, array, stream.own)

    def to_host(self, array: np.ndarray, pointer: int, stream: Stream) -> None:
        with self._translated("copying from the device"):
            self._cuda.memcpy_dtoh_async(array, pointer, stream.own)

    def copy(self, target: int, source: int, size: int, stream: Stream) -> None:
        with self._translated("copying on the device"):
            self._cuda.memcpy_dtod_async(target, source, size, stream.own)

    def fill(self, pointer: int, value: np.generic, count: int, stream: Stream) -> None:
        bits, width = pattern(value)
        fill = {1: self._cuda.memset_d8_async, 2: self._cuda.memset_d16_async, 4: self._cuda.memset_d32_async}[width]
        with self._translated("filling memory"):
            fill(pointer, bits, count, stream.own)

    @contextmanager
    def _translated(self, doing: str, size: int | None = None) -> Iterator[None]:
        try:
            yield
        except self._cuda.Error as error:
            raise_text(str(error), doing, size)
