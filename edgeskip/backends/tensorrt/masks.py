"""Masks for whoever looks at them: copied beside the next frame, on a stream of their own."""

from __future__ import annotations

import numpy as np

from edgeskip.backends.tensorrt.device import Device, Stream
from edgeskip.backends.tensorrt.memory import Block


class MaskReader:
    """Copies all masks of a frame to pinned memory once somebody has asked for one, from then on after every frame.

    A frame never waits for the host: the copy starts behind the frame, the reader waits for the copy alone, and the
    next frame's start waits for it on the device.
    """

    def __init__(self, device: Device, block: Block, stream: Stream) -> None:
        self._device, self._block, self._stream = device, block, stream
        self._side = device.new_stream()
        self._frame_done, self._copied = device.new_event(), device.new_event()
        self._watched = self._in_flight = self._valid = False
        self._frames = 0

    def before_frame(self) -> None:
        """The frame about to be enqueued overwrites the masks: it waits, on the device, for a copy that still reads."""
        if self._in_flight:
            self._device.wait(self._stream, self._copied)
            self._in_flight = False
        self._valid = False

    def after_frame(self) -> None:
        """The frame is enqueued."""
        self._frames += 1
        if self._watched:
            self._start()

    def read(self, name: str) -> np.ndarray | None:
        """bool [N, H, W] of the last frame, None before the first."""
        if not self._frames:
            return None
        if not self._valid:
            self._watched = True
            if not self._in_flight:
                self._start()
            self._device.synchronize_event(self._copied)
            self._valid = True
        return self._block.view(name)[:, 0] != 0

    def close(self) -> None:
        """Give stream and events back."""
        self._device.delete_event(self._frame_done)
        self._device.delete_event(self._copied)
        self._device.delete_stream(self._side)

    def _start(self) -> None:
        assert self._block.host is not None
        self._device.record(self._frame_done, self._stream)
        self._device.wait(self._side, self._frame_done)
        self._device.to_host(self._block.host, self._block.address, self._side)
        self._device.record(self._copied, self._side)
        self._in_flight = True
