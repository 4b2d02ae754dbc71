"""A window on the display, with its keys."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import Enum

import cv2
import numpy as np

from edgeskip.doctor.devices import display_name


class Key(Enum):
    """What the person asked for."""

    NONE = "none"
    QUIT = "quit"
    PAUSE = "pause"
    MASKS = "masks"


_KEYS = {ord("q"): Key.QUIT, 27: Key.QUIT, ord(" "): Key.PAUSE, ord("m"): Key.MASKS}


def window_works() -> bool:
    """Whether a window can be opened here.

    Tried in a process of its own: where a display is named but can't be reached, the window toolkit
    ends the process.
    """
    if display_name() is None:
        return False
    command = [sys.executable, "-c", "import cv2; cv2.namedWindow('edgeskip')"]
    try:
        return subprocess.run(command, capture_output=True, timeout=20).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


class Window:
    """Shows frames. q or Escape ends, space pauses, m switches the masks."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._open = False

    def show(self, frame: np.ndarray, wait_ms: int = 1) -> Key:
        """Show the BGR `frame` and return the key pressed within `wait_ms`; QUIT where the window was closed."""
        if not self._open:
            # the window toolkit warns of missing fonts, which no window here uses
            os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
            cv2.resizeWindow(self._title, frame.shape[1], frame.shape[0])
            self._open = True
        elif cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            return Key.QUIT
        cv2.imshow(self._title, frame)
        return _KEYS.get(cv2.waitKey(max(1, wait_ms)) & 0xFF, Key.NONE)

    def close(self) -> None:
        """Take the window away."""
        if self._open:
            self._open = False
            cv2.destroyWindow(self._title)
