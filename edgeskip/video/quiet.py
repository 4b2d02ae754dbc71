"""OpenCV and FFmpeg write warnings to stderr on their own; here they are told not to. Errors are ours to raise."""

from __future__ import annotations

import os

# -8 is AV_LOG_QUIET; OpenCV reads both when it first uses FFmpeg or logs, so this must run before
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


def silence() -> None:
    """Turn OpenCV's own log off, also where cv2 was imported before this package."""
    from cv2.utils import logging

    if os.environ["OPENCV_LOG_LEVEL"].upper() in ("OFF", "SILENT", "0"):
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
