"""Frames in a stream: bound, enqueued, and after a warm-up launched as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

from edgeskip.backends.tensorrt import errors
from edgeskip.backends.tensorrt.device import CaptureRefused, Device, Stream
from edgeskip.backends.tensorrt.memory import States
from edgeskip.backends.tensorrt.session import Session

WARM_UP = 2  # frames of each parity: TensorRT prepares itself in its first calls, which no graph may hold


class FrameLoop:
    """Enqueues one frame after the other; `after` enqueues what belongs to each frame behind the network.

    `graph_refusal`: why frames are enqueued one call at a time, "" while they are not (or not yet).
    """

    def __init__(
        self, device: Device, session: Session, states: States, stream: Stream, use_graph: bool = True,
        after: Callable[[int], None] | None = None,
    ) -> None:  # fmt: skip
        """`after` is told the parity of the frame."""
        self._device, self._session, self._states, self._stream = device, session, states, stream
        self._after = after
        self._bound: int | None = None
        self._frames: dict[int, int] = {}
        self._graphs: dict[int, int] = {}
        self.graph_refusal = "" if use_graph else "switched off"

    @property
    def uses_graph(self) -> bool:
        """Whether the next frame is one launch."""
        return self._states.parity in self._graphs

    def run(self) -> None:
        """Put one frame into the stream; nothing waits.

        Raises:
            TensorRTError: TensorRT or the device refuses it. What is remembered is not to be trusted then.
        """
        parity = self._states.parity
        seen = self._frames.get(parity, 0)
        if not self.graph_refusal and parity not in self._graphs and seen >= WARM_UP:
            self._capture(parity)
        if parity in self._graphs:
            self._device.launch(self._graphs[parity], self._stream)
        else:
            self._enqueue(parity)
        self._frames[parity] = seen + 1
        self._states.advance()

    def close(self) -> None:
        """Give the graphs back."""
        for graph in self._graphs.values():
            self._device.delete_graph(graph)
        self._graphs = {}
        self._after = None  # it leads back to who holds this loop: pycuda gives memory back with the last reference

    def _enqueue(self, parity: int) -> None:
        self._bind(parity)
        if not self._session.enqueue(self._stream.handle):
            raise errors.device_failed("running the network", self._session.refusal, "")
        if self._after is not None:
            self._after(parity)

    def _bind(self, parity: int) -> None:
        if self._bound != parity:
            for name, address in self._states.addresses(parity).items():
                self._session.bind(name, address)
            self._bound = parity

    def _capture(self, parity: int) -> None:
        """Record a frame; where that is refused, this and all later frames are enqueued as before."""
        self._bind(parity)
        try:
            self._device.begin_capture(self._stream)
        except CaptureRefused as refused:
            self.graph_refusal = str(refused)
            return
        refusal = ""
        try:
            self._enqueue(parity)
        except errors.TensorRTError as error:
            refusal = error.message
        try:
            graph = self._device.end_capture(self._stream)
        except CaptureRefused as refused:
            self.graph_refusal = refusal or str(refused)
            return
        if refusal:
            self._device.delete_graph(graph)
            self.graph_refusal = refusal
            return
        self._graphs[parity] = graph
