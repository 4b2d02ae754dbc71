"""A video source: frames one by one, from wherever a reader gets its pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np

from edgeskip.core.errors import SourceError

PATIENCE_SECONDS = 10.0


class Status(Enum):
    """What came of asking for a picture. The third outcome, an error, is raised as SourceError."""

    FRAME = "frame"
    TIMEOUT = "timeout"
    END = "end"


@dataclass(frozen=True)
class Truth:
    """What a synthetic frame shows: boxes float32 [n, 4] (x0 y0 x1 y1, pixels), class ids int32 [n], class names."""

    boxes_xyxy: np.ndarray
    class_ids: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """One picture, uint8 BGR [H, W, 3]; `index` counts from the source's first picture, `time_s` from its start."""

    picture: np.ndarray
    index: int
    time_s: float
    truth: Truth | None = None


@dataclass(frozen=True)
class Reading:
    """A frame, or why there is none."""

    status: Status
    frame: Frame | None = None


@dataclass(frozen=True)
class Shot:
    """What a reader delivers: status and, with FRAME, the picture and its truth."""

    status: Status
    picture: np.ndarray | None = None
    truth: Truth | None = None


END = Shot(Status.END)
TIMEOUT = Shot(Status.TIMEOUT)


class Reader(ABC):
    """Where pictures come from. Opened when created; raises SourceError, then and later.

    `size` is (width, height); `fps` frames per second as the origin states them; `length` frames as it
    states them, None where unknown or endless; `live` pictures come when they come, and are lost if not taken.
    """

    name: str
    size: tuple[int, int]
    fps: float
    length: int | None = None
    live: bool = False

    @abstractmethod
    def read(self, timeout_s: float) -> Shot:
        """The next picture."""

    def skip(self, count: int) -> int:
        """Pass over `count` pictures; returns how many there were."""
        for passed in range(count):
            if self.read(PATIENCE_SECONDS).status is not Status.FRAME:
                return passed
        return count

    def rewind(self) -> None:
        """Back to the first picture. Raises SourceError where that can't be done."""
        raise SourceError(f"{self.name}: a live source can't start again", hint="leave out the loop")

    @property
    def dropped(self) -> int:
        """Live pictures that were replaced by newer ones before anyone took them."""
        return 0

    def close(self) -> None:  # noqa: B027 - many readers hold nothing
        """Give the device or file back."""


class Source:
    """Frames of a reader: from `start` on, at most `frames` of them, again and again with `loop`.

    A context manager and an iterator of `Frame`. `frames` counts over all rounds of a loop.
    """

    def __init__(self, reader: Reader, start: int = 0, frames: int | None = None, loop: bool = False) -> None:
        self._reader, self._start, self._frames, self._loop = reader, start, frames, loop
        self._delivered = 0
        self._delivered_this_round = 0
        try:
            self._check()
            self._skip_start()
        except BaseException:
            reader.close()
            raise

    @property
    def name(self) -> str:
        """The URI, for messages."""
        return self._reader.name

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._reader.size

    @property
    def fps(self) -> float:
        """Frames per second as the origin states them."""
        return self._reader.fps

    @property
    def live(self) -> bool:
        """Whether pictures come in real time, and are lost if not taken."""
        return self._reader.live

    @property
    def length(self) -> int | None:
        """Frames to come in all, None where unknown or endless. Some containers only estimate it."""
        if self._reader.length is None or self._loop:
            return self._frames
        available = max(0, self._reader.length - self._start)
        return available if self._frames is None else min(available, self._frames)

    @property
    def dropped(self) -> int:
        """Live pictures lost because nobody took them in time."""
        return self._reader.dropped

    def read(self, timeout_s: float = PATIENCE_SECONDS) -> Reading:
        """The next frame, TIMEOUT after `timeout_s` without one, or END. Raises SourceError."""
        if self._frames is not None and self._delivered >= self._frames:
            return Reading(Status.END)
        shot = self._reader.read(timeout_s)
        if shot.status is Status.END and self._loop and self._delivered_this_round:
            self._reader.rewind()
            self._delivered_this_round = 0
            self._skip_start()
            shot = self._reader.read(timeout_s)
        if shot.status is not Status.FRAME:
            return Reading(shot.status)
        index = self._start + self._delivered
        self._delivered += 1
        self._delivered_this_round += 1
        return Reading(Status.FRAME, Frame(shot.picture, index, index / self.fps, shot.truth))

    def __iter__(self) -> Iterator[Frame]:
        while (reading := self.read()).status is not Status.END:
            if reading.status is Status.TIMEOUT:
                raise SourceError(
                    f"{self.name}: no picture for {PATIENCE_SECONDS:.0f} s",
                    hint="check the cable or the network, and that no other program holds the camera",
                )
            yield reading.frame

    def close(self) -> None:
        """Give the device or file back."""
        self._reader.close()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if self._start < 0:
            raise SourceError(f"start {self._start}: must be 0 or more", hint="--start counts frames from 0")
        if self._frames is not None and self._frames < 1:
            raise SourceError(f"frames {self._frames}: must be 1 or more", hint="--frames is a number of frames")

    def _skip_start(self) -> None:
        if self._start and (passed := self._reader.skip(self._start)) < self._start:
            raise SourceError(
                f"{self.name}: starts at frame {self._start}, but has only {passed} frames",
                hint="choose a smaller --start",
            )
