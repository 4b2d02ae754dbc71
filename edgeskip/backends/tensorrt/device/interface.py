"""What edgeskip asks of a GPU, in one small interface; pointers are plain integers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


class CaptureRefused(Exception):  # noqa: N818 - no user's error: the caller goes on without a graph
    """What was enqueued can't be captured in a graph; the stream is as before."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A queue of work: `handle` is its cudaStream_t, `own` the binding's object."""

    handle: int
    own: Any = None


@dataclass(frozen=True, eq=False)
class Event:
    """A mark in a stream."""

    own: Any = None


class Device(ABC):
    """One GPU. Every method but `current` wants to be called inside `with device.current()`, from any thread.

    All copies and fills are asynchronous: the host may read or write its side only after `synchronize`. Every method
    raises TensorRTError, with a remedy where there is one.
    """

    name: str
    binding: str
    compute_capability: tuple[int, int]
    driver_version: tuple[int, int]

    @property
    def architecture(self) -> str:
        """Such as "sm_87"."""
        return f"sm_{self.compute_capability[0]}{self.compute_capability[1]}"

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the device's context that of the calling thread for a block; contexts belong to threads."""
        self._push()
        try:
            yield
        finally:
            self._pop()

    @abstractmethod
    def _push(self) -> None: ...

    @abstractmethod
    def _pop(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Give the context back. What was not freed before is lost with it. Not inside `current`."""

    @abstractmethod
    def memory_info(self) -> tuple[int, int]:
        """Bytes that are free, and all."""

    @abstractmethod
    def allocate(self, size: int, purpose: str) -> int:
        """Address of `size` bytes of device memory, aligned to 256; `purpose` is for the message when there is none."""

    @abstractmethod
    def free(self, pointer: int) -> None:
        """Give memory of `allocate` back."""

    @abstractmethod
    def pinned(self, size: int) -> np.ndarray:
        """uint8 [size] of host memory that the device reads and writes by itself."""

    @abstractmethod
    def free_pinned(self, array: np.ndarray) -> None:
        """Give an array of `pinned` back; no view of it may be used any more."""

    @abstractmethod
    def new_stream(self) -> Stream:
        """A queue beside the others."""

    @abstractmethod
    def delete_stream(self, stream: Stream) -> None: ...

    @abstractmethod
    def synchronize(self, stream: Stream) -> None:
        """Wait until everything in `stream` is done."""

    @abstractmethod
    def new_event(self, timing: bool = False) -> Event:
        """An event; with `timing` one that `elapsed_ms` can read."""

    @abstractmethod
    def delete_event(self, event: Event) -> None: ...

    @abstractmethod
    def record(self, event: Event, stream: Stream) -> None:
        """Mark the end of what is in `stream` now."""

    @abstractmethod
    def wait(self, stream: Stream, event: Event) -> None:
        """What is put into `stream` from now on starts after `event`; the host does not wait."""

    @abstractmethod
    def synchronize_event(self, event: Event) -> None:
        """Wait until `event` is reached."""

    @abstractmethod
    def elapsed_ms(self, begin: Event, end: Event) -> float:
        """Milliseconds between two events that were reached."""

    @abstractmethod
    def to_device(self, pointer: int, array: np.ndarray, stream: Stream) -> None:
        """Copy a contiguous host array to `pointer`."""

    @abstractmethod
    def to_host(self, array: np.ndarray, pointer: int, stream: Stream) -> None:
        """Fill a contiguous host array from `pointer`."""

    @abstractmethod
    def copy(self, target: int, source: int, size: int, stream: Stream) -> None:
        """Copy `size` bytes on the device."""

    @abstractmethod
    def fill(self, pointer: int, value: np.generic, count: int, stream: Stream) -> None:
        """Write `count` elements of `value`, of 1, 2 or 4 bytes."""

    @abstractmethod
    def begin_capture(self, stream: Stream) -> None:
        """From here on, work in `stream` is recorded and not run. Raises CaptureRefused."""

    @abstractmethod
    def end_capture(self, stream: Stream) -> int:
        """A graph that can be launched, of what was recorded. Raises CaptureRefused; recording ends in any case."""

    @abstractmethod
    def launch(self, graph: int, stream: Stream) -> None:
        """Run a graph."""

    @abstractmethod
    def delete_graph(self, graph: int) -> None: ...


def pattern(value: np.generic) -> tuple[int, int]:
    """The bits of `value` as an unsigned integer, and their number in bytes."""
    size = value.dtype.itemsize
    assert size in (1, 2, 4), value.dtype
    return int(np.array(value).view(f"u{size}")), size
