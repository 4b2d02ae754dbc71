"""Where the demo's pictures go: a window at the source's own pace, a file, or both."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any


class Outlet:
    """The window and the file, opened with the first picture."""

    def __init__(self, title: str, window: bool, file: Path | None, fps: float) -> None:
        self.wanted = window or file is not None
        # what a camera states may be nonsense, and a player refuses a video of 0 or 1000 frames per second
        self._fps = fps if 1 <= fps <= 120 else 25.0
        self._file = file
        self._stack = ExitStack()
        self._sink: Any = None
        self._window: Any = None
        self._epoch: float | None = None
        if window:
            from edgeskip.demos.overlay.window import Window

            self._window = Window(f"edgeskip - {title}")
            self._stack.callback(self._window.close)

    def __enter__(self) -> Outlet:
        return self

    def __exit__(self, *details: Any) -> None:
        self._stack.__exit__(*details)

    def put(self, picture: Any, time_s: float, view: Any) -> bool:
        """Show and write `picture`; False where the person closed the window."""
        if self._file is not None:
            if self._sink is None:
                from edgeskip.video import open_sink

                size = (picture.shape[1], picture.shape[0])
                self._sink = self._stack.enter_context(open_sink(self._file, size, self._fps))
            self._sink.write(picture)
        return self._window is None or self._show(picture, time_s, view)

    def _show(self, picture: Any, time_s: float, view: Any) -> bool:
        from edgeskip.demos.overlay.window import Key

        now = time.monotonic()
        if self._epoch is None or time_s < now - self._epoch - 1.0:
            self._epoch = now - time_s  # first picture, looped, or too slow to keep up
        key = self._window.show(picture, round(1e3 * min(1.0, self._epoch + time_s - now)))
        if key is Key.MASKS:
            view.show_masks = not view.show_masks
        if key is Key.PAUSE:
            key = self._wait(picture, view)
        return key is not Key.QUIT

    def _wait(self, picture: Any, view: Any) -> Any:
        """Hold `picture` until the person goes on or ends."""
        from edgeskip.demos.overlay.window import Key

        while True:
            key = self._window.show(picture, 40)
            if key is Key.MASKS:
                view.show_masks = not view.show_masks
            elif key is not Key.NONE:
                self._epoch = None
                return key
