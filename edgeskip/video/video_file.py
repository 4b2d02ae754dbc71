"""Video files, through OpenCV and FFmpeg."""

from __future__ import annotations

from pathlib import Path

import cv2

from edgeskip.core.errors import SourceError
from edgeskip.video.containers import counts_every_frame, missing_bytes
from edgeskip.video.source import END, Reader, Shot, Status

DEFAULT_FPS = 25.0


class VideoFile(Reader):
    """Pictures of a video file, with an error where it ends too early."""

    def __init__(self, path: Path) -> None:
        self.name, self._path = str(path), path
        try:
            self._missing = missing_bytes(path)
        except OSError as error:
            raise SourceError(f"can't read {path}: {error.strerror}", hint="check its permissions: ls -l") from error
        self._capture = self._open()
        self.size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        )
        self.fps = stated_fps(self._capture)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.length = int(count) if 0 < count < 1e9 else None
        self._read_count = 0

    def read(self, timeout_s: float) -> Shot:
        """The next picture; SourceError where the file breaks off."""
        good, picture = self._capture.read()
        if not good or picture is None:
            self._check_end()
            return END
        height, width = picture.shape[:2]
        if (width, height) != self.size:
            raise SourceError(
                f"{self.name}: frame {self._read_count} is {width}x{height}, the frames before it {_text(self.size)}",
                hint="all frames of a video must have one size: convert it",
            )
        self._read_count += 1
        return Shot(Status.FRAME, picture)

    def skip(self, count: int) -> int:
        """Pass over `count` frames by decoding them: seeking in OpenCV lands beside the frame in some files."""
        for passed in range(count):
            if not self._capture.grab():
                self._check_end()
                return passed
            self._read_count += 1
        return count

    def rewind(self) -> None:
        """Open the file again."""
        self._capture.release()
        self._capture, self._read_count = self._open(), 0

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG)
        if capture.isOpened():
            return capture
        if self._missing:
            raise SourceError(
                f"{self.name}: the file ends {self._missing} bytes early, before its index: frame 0 can't be read",
                hint="copy or record the file again",
            )
        raise SourceError(
            f"{self.name}: not a video that FFmpeg can read",
            hint="check the file with a video player, or convert it: ffmpeg -i FILE out.mp4",
        )

    def _check_end(self) -> None:
        """Raises SourceError where the file ended in the middle."""
        of = f" of {self.length}" if self.length else ""
        if self._missing:
            raise SourceError(
                f"{self.name}: ends in the middle of frame {self._read_count}{of}: {self._missing} bytes are missing",
                hint=f"copy or record the file again, or read what is there: --frames {max(1, self._read_count - 1)}",
            )
        short = self.length is not None and self._read_count < self.length
        if self._read_count == 0 or (short and counts_every_frame(self._path)):
            raise SourceError(
                f"{self.name}: frame {self._read_count}{of} can't be decoded: the file is damaged",
                hint="copy or record the file again",
            )


def stated_fps(capture: cv2.VideoCapture) -> float:
    """Frames per second of a capture, 25 where it states none or nonsense."""
    fps = capture.get(cv2.CAP_PROP_FPS)
    return float(fps) if 0.1 < fps < 1000.0 else DEFAULT_FPS


def _text(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
