"""Folders and globs of pictures, in natural order (2 before 10)."""

from __future__ import annotations

import glob
import re
from pathlib import Path

import cv2
import numpy as np

from edgeskip.core.errors import SourceError
from edgeskip.video.source import END, Reader, Shot, Status
from edgeskip.video.video_file import DEFAULT_FPS

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}


class Pictures(Reader):
    """Pictures of one size, one file each."""

    def __init__(self, name: str, files: list[Path]) -> None:
        if not files:
            raise SourceError(
                f"{name}: no pictures in it", hint=f"pictures are files that end in {', '.join(sorted(SUFFIXES))}"
            )
        self.name, self._files, self._next = name, files, 0
        self.fps, self.length = DEFAULT_FPS, len(files)
        height, width = self._load(0).shape[:2]
        self.size = (width, height)

    @classmethod
    def in_folder(cls, folder: Path) -> Pictures:
        """All pictures of a folder, not of those inside it."""
        return cls(str(folder), _in_order(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES))

    @classmethod
    def matching(cls, pattern: str) -> Pictures:
        """All pictures whose path matches a glob."""
        found = (Path(match) for match in glob.glob(pattern, recursive=True))
        return cls(pattern, _in_order(path for path in found if path.suffix.lower() in SUFFIXES))

    def read(self, timeout_s: float) -> Shot:
        """The next picture; SourceError on one that can't be read or has another size."""
        if self._next == len(self._files):
            return END
        picture = self._load(self._next)
        height, width = picture.shape[:2]
        if (width, height) != self.size:
            raise SourceError(
                f"{self._files[self._next]}: frame {self._next} is {width}x{height}, "
                f"the pictures before it {self.size[0]}x{self.size[1]}",
                hint="all pictures of a source must have one size: resize them, or choose some with a glob",
            )
        self._next += 1
        return Shot(Status.FRAME, picture)

    def skip(self, count: int) -> int:
        """Pass over `count` files without reading them."""
        passed = min(count, len(self._files) - self._next)
        self._next += passed
        return passed

    def rewind(self) -> None:
        """Back to the first file."""
        self._next = 0

    def _load(self, index: int) -> np.ndarray:
        # imdecode, because imread can't tell a missing file from a broken one, nor open every path on Windows
        path = self._files[index]
        try:
            data = np.fromfile(path, np.uint8)
        except OSError as error:
            raise SourceError(f"{path}: frame {index} can't be read: {error.strerror}") from error
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if picture is None:
            raise SourceError(
                f"{path}: frame {index} can't be decoded: the file is damaged or no picture",
                hint="remove the file, or choose others with a glob",
            )
        return picture


def _in_order(paths) -> list[Path]:
    def key(path: Path) -> list[tuple[int, int | str]]:
        parts = re.split(r"(\d+)", str(path).lower())
        return [(1, int(part)) if part.isdigit() else (0, part) for part in parts]

    return sorted((path for path in paths if path.is_file()), key=key)
