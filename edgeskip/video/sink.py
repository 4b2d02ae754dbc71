"""Where pictures go: a video file or a folder. A video appears whole or not at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np

from edgeskip.core.errors import InputError, OutputError
from edgeskip.core.files import atomic_path, write_bytes

_CODECS = {".mp4": ("avc1", "mp4v"), ".m4v": ("avc1", "mp4v"), ".mov": ("avc1", "mp4v"), ".mkv": ("mp4v",),
           ".avi": ("XVID", "MJPG")}  # fmt: skip


class Sink(ABC):
    """Takes pictures, uint8 BGR [H, W, 3], of `size` (width, height). A context manager: an error drops the result."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        self.path, self.size, self.fps, self.count = path, size, fps, 0

    def write(self, picture: np.ndarray) -> None:
        """Append a picture. Raises InputError on another size, OutputError where it can't be written."""
        width, height = self.size
        if picture.dtype != np.uint8 or picture.shape != (height, width, 3):
            raise InputError(
                f"{self.path}: picture {self.count} is {picture.dtype} {list(picture.shape)}, "
                f"must be uint8 {[height, width, 3]}"
            )
        self._write(picture)
        self.count += 1

    @abstractmethod
    def _write(self, picture: np.ndarray) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Finish; only now a video stands at `path`. Raises OutputError."""

    @abstractmethod
    def discard(self) -> None:
        """Stop and leave no half-written file."""

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()


class VideoWriter(Sink):
    """A video file: H.264 where this OpenCV can write it, else MPEG-4. An odd last row or column is cut off."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        super().__init__(path, size, fps)
        self._cleanup = ExitStack()
        self._temporary = self._cleanup.enter_context(atomic_path(path))
        self._writer = self._open(_CODECS[path.suffix.lower()])

    def _open(self, codecs: tuple[str, ...]) -> cv2.VideoWriter:
        for codec in codecs:
            fourcc = cv2.VideoWriter_fourcc(*codec)
            writer = cv2.VideoWriter(str(self._temporary), cv2.CAP_FFMPEG, fourcc, self.fps, self.size)
            if writer.isOpened():
                return writer
            writer.release()
        self._abandon()
        raise OutputError(
            f"can't write {self.path}: OpenCV {cv2.__version__} has no encoder for {' or '.join(codecs)} "
            f"at {self.size[0]}x{self.size[1]}",
            hint="write pictures instead: give a folder as the output",
        )

    def _write(self, picture: np.ndarray) -> None:
        self._writer.write(picture)

    def close(self) -> None:
        """Finish the file and put it at `path`."""
        self._writer.release()
        # OpenCV reports no write error: a full disk shows as an empty or unreadable file
        if self.count and not self._readable():
            self._abandon()
            raise OutputError(f"can't write {self.path}: the video came out broken", hint="check the free space: df -h")
        if self.count:
            self._cleanup.close()
        else:
            self._abandon()

    def discard(self) -> None:
        """Stop and remove what was written."""
        self._writer.release()
        self._abandon()

    def _readable(self) -> bool:
        capture = cv2.VideoCapture(str(self._temporary), cv2.CAP_FFMPEG)
        good = capture.isOpened() and capture.grab()
        capture.release()
        return good

    def _abandon(self) -> None:
        stack = self._cleanup.pop_all()
        stack.__exit__(_AbandonedError, _AbandonedError(), None)


class _AbandonedError(Exception):
    """Tells atomic_path that the block failed; never leaves this file."""


class PictureFolder(Sink):
    """PNG files `000000.png`, `000001.png`, ... in a folder, which is made if its parent exists."""

    def __init__(self, path: Path, size: tuple[int, int], fps: float) -> None:
        super().__init__(path, size, fps)
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"can't write pictures to {path}: {error.strerror}",
                hint=f"choose a folder whose parent exists and can be written: {path.parent}",
            ) from error

    def _write(self, picture: np.ndarray) -> None:
        good, data = cv2.imencode(".png", picture)
        assert good, "PNG encodes any uint8 picture"
        write_bytes(self.path / f"{self.count:06d}.png", data.tobytes())

    def close(self) -> None:
        """Nothing to finish: each picture is whole."""

    def discard(self) -> None:
        """Pictures written so far stay: each is whole."""


def open_sink(path: str | Path, size: tuple[int, int], fps: float = 25.0) -> Sink:
    """A video file (.mp4, .mov, .mkv, .avi) or, for a path without a suffix, a folder of PNG files.

    Raises:
        OutputError: the folder is missing or can't be written, the suffix is unknown, or no codec is there.
    """
    path = Path(path)
    if path.is_dir() or not path.suffix:
        return PictureFolder(path, size, fps)
    if path.suffix.lower() not in _CODECS:
        raise OutputError(
            f"can't write {path}: no video format ends in {path.suffix}",
            hint=f"use one of {', '.join(_CODECS)}, or a folder for pictures",
        )
    return VideoWriter(path, size, fps)
