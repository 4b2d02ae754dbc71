"""Cameras and streams: a thread keeps the newest picture, so that a slow reader sees the present."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import cv2
import numpy as np

from edgeskip.core.errors import SourceError
from edgeskip.video.source import END, TIMEOUT, Reader, Shot, Status
from edgeskip.video.video_file import stated_fps

QUEUE_LENGTH = 2


class Live(Reader):
    """Newest pictures of an open capture; older ones that nobody took are dropped and counted.

    `ends`: a failed read is the end of a stream, not an error.
    """

    live = True

    def __init__(self, name: str, capture: cv2.VideoCapture, ends: bool = False, hint: str | None = None) -> None:
        self.name, self._capture, self._ends, self._hint = name, capture, ends, hint
        self.fps = stated_fps(capture)
        self._ready: deque[np.ndarray] = deque(maxlen=QUEUE_LENGTH)
        self._changed = threading.Condition()
        self._dropped, self._count = 0, 0
        self._finished, self._stop = False, False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"capture {name}", daemon=True)
        self._thread.start()
        self.size = self._first_size()

    @property
    def dropped(self) -> int:
        """Pictures replaced by newer ones before anyone took them."""
        return self._dropped

    def read(self, timeout_s: float) -> Shot:
        """The oldest picture that is kept, or the next one."""
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._finished, timeout_s)
            if self._ready:
                return Shot(Status.FRAME, self._ready.popleft())
            if not self._finished:
                return TIMEOUT
        if self._failure is not None:
            raise self._failure
        if self._ends:
            return END
        raise SourceError(f"{self.name}: no more pictures after frame {self._count - 1}", hint=self._hint)

    def close(self) -> None:
        """Stop the thread and give the device back."""
        self._stop = True
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._capture.release()

    def _run(self) -> None:
        try:
            while not self._stop:
                good, picture = self._capture.read()
                if not good or picture is None:
                    break
                with self._changed:
                    self._dropped += len(self._ready) == QUEUE_LENGTH
                    self._ready.append(picture)
                    self._count += 1
                    self._changed.notify()
        except cv2.error as error:
            self._failure = SourceError(f"{self.name}: the capture failed: {error.err}", hint=self._hint)
        finally:
            with self._changed:
                self._finished = True
                self._changed.notify()

    def _first_size(self) -> tuple[int, int]:
        # a camera's stated size is a wish until a picture has come
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._finished, 10.0)
            if self._ready:
                height, width = self._ready[0].shape[:2]
                return width, height
        self.close()
        raise SourceError(f"{self.name}: opened, but gave no picture", hint=self._hint)


def opened(create: Callable[[], cv2.VideoCapture], attempts: int = 1) -> cv2.VideoCapture | None:
    """A capture that is open, None where it does not open. A camera just let go may need a second attempt."""
    for attempt in range(attempts):
        if attempt:
            time.sleep(0.3)
        capture = create()
        if capture.isOpened():
            return capture
        capture.release()
    return None
