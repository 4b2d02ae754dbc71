"""A GPU of numpy: work in a stream runs only when somebody waits for it, so code that does not wait reads garbage.

Memory is poisoned when taken, addresses are checked, and everything that costs is counted in `calls`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device import CaptureRefused, Device, Event, Stream

_POISON = 0xA5
Work = Callable[[], None]


@dataclass(frozen=True, eq=False)
class FakeStream(Stream):
    """`queue` is what waits to be run, `graph` holds one in the making."""

    queue: list[Work] = field(default_factory=list)
    graph: list[list[Work]] = field(default_factory=list)

    @property
    def recording(self) -> list[Work] | None:
        """The graph in the making."""
        return self.graph[-1] if self.graph else None


class FakeDevice(Device):
    """`limit`: bytes of memory. `refuses_capture`: graphs end in an error. `calls` counts by method name."""

    binding = "fake"
    driver_version = (13, 0)

    def __init__(self, name: str = "Fake GPU", limit: int = 1 << 30, refuses_capture: bool = False) -> None:
        self.name, self.compute_capability = name, (8, 7)
        self.limit, self.refuses_capture = limit, refuses_capture
        self.calls: Counter[str] = Counter()
        self.memory: dict[int, np.ndarray] = {}
        self.pinned_arrays: dict[int, np.ndarray] = {}
        self.streams: dict[int, FakeStream] = {}
        self.graphs: dict[int, list[Work]] = {}
        self.depth = 0
        self.opened = 0
        self._next = 0x7000_0000

    # context

    def _push(self) -> None:
        assert self.opened > 0, "used after it was closed"
        self.depth += 1

    def _pop(self) -> None:
        self.depth -= 1

    def close(self) -> None:
        assert self.depth == 0, "closed inside its own context"
        assert self.opened > 0
        self.opened -= 1

    # memory

    def memory_info(self) -> tuple[int, int]:
        return self.limit - sum(part.size for part in self.memory.values()), self.limit

    def allocate(self, size: int, purpose: str) -> int:
        self._count("allocate")
        if size > self.memory_info()[0]:
            raise errors.out_of_memory(purpose, size)
        address, self._next = self._next, self._next + -(-max(size, 1) // 256) * 256 + 256
        self.memory[address] = np.full(max(size, 1), _POISON, np.uint8)
        return address

    def free(self, pointer: int) -> None:
        self._count("free")
        del self.memory[pointer]

    def pinned(self, size: int) -> np.ndarray:
        self._count("pinned")
        array = np.full(max(size, 1), _POISON, np.uint8)
        self.pinned_arrays[array.ctypes.data] = array
        return array

    def free_pinned(self, array: np.ndarray) -> None:
        del self.pinned_arrays[array.ctypes.data]

    def bytes_at(self, pointer: int, size: int) -> np.ndarray:
        """uint8 [size] of device memory, writable; for fakes of what runs on the device."""
        for base, part in self.memory.items():
            if base <= pointer and pointer + size <= base + part.size:
                return part[pointer - base : pointer - base + size]
        raise AssertionError(f"{size} bytes at {pointer:#x} are no device memory")

    # streams and events

    def new_stream(self) -> Stream:
        self._count("new_stream")
        stream = FakeStream(len(self.streams) + 1)
        self.streams[stream.handle] = stream
        return stream

    def delete_stream(self, stream: Stream) -> None:
        self._count("delete_stream")

    def synchronize(self, stream: Stream) -> None:
        self._count("synchronize")
        self._drain(self.streams[stream.handle])

    def new_event(self, timing: bool = False) -> Event:
        return Event([None])

    def delete_event(self, event: Event) -> None:
        self._count("delete_event")

    def record(self, event: Event, stream: Stream) -> None:
        reached = [False]
        event.own[0] = (stream, reached)
        self.put(stream.handle, lambda: reached.__setitem__(0, True))

    def wait(self, stream: Stream, event: Event) -> None:
        self._count("wait")
        mark = event.own[0]
        if mark is not None:
            self.put(stream.handle, lambda: self._reach(*mark))

    def synchronize_event(self, event: Event) -> None:
        self._count("synchronize_event")
        if event.own[0] is not None:
            self._reach(*event.own[0])

    def elapsed_ms(self, begin: Event, end: Event) -> float:
        return 0.0

    # work

    def to_device(self, pointer: int, array: np.ndarray, stream: Stream) -> None:
        self._count("to_device")
        target = self.bytes_at(pointer, array.nbytes)
        self.put(stream.handle, lambda: np.copyto(target, array.reshape(-1).view(np.uint8)))

    def to_host(self, array: np.ndarray, pointer: int, stream: Stream) -> None:
        self._count("to_host")
        source = self.bytes_at(pointer, array.nbytes)
        self.put(stream.handle, lambda: np.copyto(array.reshape(-1).view(np.uint8), source))

    def copy(self, target: int, source: int, size: int, stream: Stream) -> None:
        to, of = self.bytes_at(target, size), self.bytes_at(source, size)
        self.put(stream.handle, lambda: np.copyto(to, of))

    def fill(self, pointer: int, value: np.generic, count: int, stream: Stream) -> None:
        target = self.bytes_at(pointer, count * value.dtype.itemsize).view(value.dtype)
        self.put(stream.handle, lambda: target.fill(value))

    def put(self, handle: int, work: Work) -> None:
        """Enqueue `work`, or record it."""
        assert self.depth, "the device's context is not current"
        stream = self.streams[handle]
        (stream.graph[-1] if stream.graph else stream.queue).append(work)

    # graphs

    def begin_capture(self, stream: Stream) -> None:
        self._count("begin_capture")
        self.streams[stream.handle].graph.append([])

    def end_capture(self, stream: Stream) -> int:
        recorded = self.streams[stream.handle].graph.pop()
        if self.refuses_capture:
            raise CaptureRefused("operation not permitted when stream is capturing")
        self.graphs[self.calls["begin_capture"]] = recorded
        return self.calls["begin_capture"]

    def launch(self, graph: int, stream: Stream) -> None:
        self._count("launch")
        for work in self.graphs[graph]:
            self.put(stream.handle, work)

    def delete_graph(self, graph: int) -> None:
        del self.graphs[graph]

    @property
    def left_over(self) -> int:
        """What was taken and not given back."""
        return len(self.memory) + len(self.pinned_arrays) + len(self.graphs)

    def _count(self, name: str) -> None:
        assert self.depth, f"{name} outside of the device's context"
        self.calls[name] += 1

    def _drain(self, stream: FakeStream) -> None:
        while stream.queue:
            stream.queue.pop(0)()

    def _reach(self, stream: Stream, reached: list[bool]) -> None:
        own = self.streams[stream.handle]
        while not reached[0]:
            own.queue.pop(0)()
