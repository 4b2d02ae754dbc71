"""Clips as they were drawn once, on disk: drawing a figure takes longer than an engine that skips takes to see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeskip.core.files import atomic_path, make_folder
from edgeskip.demos.networks.clips import Clips, Shown

PARTS = ("pictures", "first", "second")
# frames of one file: long clips are read piece by piece
PIECE = 64


class Footage:
    """A folder with the frames of clips, filled as they are asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clip(self, clips: Clips, index: int) -> Shown:
        """All frames of clip `index`: pictures [T, H, W, 3] and the two arrays of their truth."""
        return tuple(np.concatenate(parts) for parts in zip(*self.pieces(clips, index), strict=True))  # type: ignore

    def pieces(self, clips: Clips, index: int) -> Iterator[Shown]:
        """The same, `PIECE` frames at a time."""
        folder = self._folder / f"{clips.split}-{clips.seeds(index)[0]}-{index}"
        stream, drawn = None, 0
        for begin in range(0, clips.length, PIECE):
            length = min(PIECE, clips.length - begin)
            files = [folder / f"{begin}-{length}-{part}.npy" for part in PARTS]
            if not all(file.is_file() for file in files):
                stream = stream or clips.stream(index)
                while drawn < begin:
                    drawn += 1
                    next(stream)
                rows = [next(stream) for _ in range(length)]
                drawn += length
                make_folder(folder)
                for file, column in zip(files, zip(*rows, strict=True), strict=True):
                    with atomic_path(file) as temporary, temporary.open("wb") as target:
                        np.save(target, np.stack(column))
            yield tuple(np.load(file) for file in files)  # type: ignore[misc]
