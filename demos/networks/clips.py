"""Clips with their truth, for training gates and for measuring over time. Needs no torch.

Each is a map-style data set by PyTorch's protocol, so `torch.utils.data.DataLoader` takes it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from edgeskip.core.errors import InputError
from edgeskip.demos.networks.detection_data import padded_truth
from edgeskip.demos.networks.pose_data import to_input
from edgeskip.demos.networks.recipe import DETECTION_SIZE, POSE_SIZE, SPLITS
from edgeskip.video.synthetic import SCENE_NAMES, Scene
from edgeskip.video.synthetic.figures import FigureScene

NOISES = (0.5, 4.0)  # sigma of the sensor noise, grey levels
LATEST_START = 3000

Shown = tuple[np.ndarray, np.ndarray, np.ndarray]  # pictures, and the two arrays of their truth


class Clips(ABC):
    """`count` clips of `length` consecutive frames (25 per second) of scenes of `split`.

    Raises:
        InputError: no such split, or nothing asked for.
    """

    def __init__(self, split: str, count: int, length: int) -> None:
        if split not in SPLITS:
            raise InputError(f"no split {split!r}", hint=f"one of {', '.join(SPLITS)}")
        if count < 1 or length < 1:
            raise InputError(f"{count} clips of {length} frames: both must be at least 1")
        self.split, self.count, self.length = split, count, length

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Shown:
        """Inputs float32 [T, 3, H, W] as the networks take them, and the truth of each frame."""
        pictures, first, second = self.frames(index)
        return to_input(pictures), first, second

    def frames(self, index: int) -> Shown:
        """Pictures uint8 BGR [T, H, W, 3], and the truth of each frame."""
        pictures, first, second = (np.stack(column) for column in zip(*self.stream(index), strict=True))
        return pictures, first, second

    @abstractmethod
    def stream(self, index: int) -> Iterator[Shown]:
        """The frames of `frames` one after the other, for clips that are too long to be kept."""

    @abstractmethod
    def seeds(self, index: int) -> list[int]:
        """Seeds of the scenes that clip `index` shows."""


class SceneClips(Clips):
    """The k-th clip is of the k-th scene of the split.

    Args:
        split: "training", "tuning" or "test"; no scene is in two of them.
        count: clips; past the last seed of the split the scenes come again at another moment.
        length: frames of a clip.
        noise: sigma of the sensor noise in grey levels; differs from clip to clip if None.
        start: frame of the scene that each clip begins with; differs from clip to clip if None.
    """

    def __init__(
        self, split: str, count: int, length: int, noise: float | None = None, start: int | None = None
    ) -> None:
        super().__init__(split, count, length)
        self.noise, self.start = noise, start

    def stream(self, index: int) -> Iterator[Shown]:
        """The frames of `frames` one after the other."""
        if not 0 <= index < self.count:
            raise IndexError(index)
        draw = np.random.default_rng([index, 25])
        noise, start = float(draw.uniform(*NOISES)), int(draw.integers(LATEST_START))
        scene = self._scene(index, noise if self.noise is None else self.noise)
        begin = start if self.start is None else self.start
        for t in range(begin, begin + self.length):
            yield self._padded(*scene.frame(t))

    def seed(self, index: int) -> int:
        """Seed of the scene of clip `index`."""
        return SPLITS[self.split][index % len(SPLITS[self.split])]

    def seeds(self, index: int) -> list[int]:
        """That seed alone."""
        return [self.seed(index)]

    @abstractmethod
    def _scene(self, index: int, noise: float) -> Scene | FigureScene: ...

    @abstractmethod
    def _padded(self, picture: np.ndarray, first: np.ndarray, second: np.ndarray) -> Shown: ...


class PoseClips(SceneClips):
    """Truth: joints float32 [T, 13, 2] in pixels, and bool [T, 13] of those that can be seen."""

    def _scene(self, index: int, noise: float) -> FigureScene:
        return FigureScene(self.seed(index), POSE_SIZE, noise)

    def _padded(self, picture: np.ndarray, first: np.ndarray, second: np.ndarray) -> Shown:
        return picture, first, second


class DetectionClips(SceneClips):
    """Truth: boxes float32 [T, 24, 4] (x0 y0 x1 y1 in pixels), and class ids int64 [T, 24], -1 where there is none."""

    def _scene(self, index: int, noise: float) -> Scene:
        return Scene(SCENE_NAMES[index % len(SCENE_NAMES)], self.seed(index), DETECTION_SIZE, noise)

    def _padded(self, picture: np.ndarray, first: np.ndarray, second: np.ndarray) -> Shown:
        return picture, *padded_truth(first, second)


class TiledClips(Clips):
    """`tiles` x `tiles` detection scenes in one picture, as a network sees that watches several cameras: objects keep
    their size in pixels. Clip k shows the scenes of the clips k * tiles**2 and those that follow, row by row.

    Truth: as of `DetectionClips`, the boxes and class ids of one scene behind those of another.

    Raises:
        InputError: no such split, or nothing asked for.
    """

    def __init__(
        self, clips: Callable[[str, int, int], SceneClips], tiles: int, split: str, count: int, length: int
    ) -> None:
        super().__init__(split, count, length)
        self._tiles, self._parts = tiles, clips(split, count * tiles**2, length)

    def stream(self, index: int) -> Iterator[Shown]:
        """The frames of `frames` one after the other."""
        for shown in zip(*(self._parts.stream(part) for part in self._shown(index)), strict=True):
            pictures, boxes, class_ids = zip(*shown, strict=True)
            height, width = pictures[0].shape[:2]
            corners = [(x * width, y * height) for y in range(self._tiles) for x in range(self._tiles)]
            placed = [part + np.float32(corner * 2) for part, corner in zip(boxes, corners, strict=True)]
            rows = [np.concatenate(pictures[i : i + self._tiles], 1) for i in range(0, len(pictures), self._tiles)]
            yield np.concatenate(rows), np.concatenate(placed), np.concatenate(class_ids)

    def seeds(self, index: int) -> list[int]:
        """Of all scenes of the picture."""
        return [self._parts.seed(part) for part in self._shown(index)]

    def _shown(self, index: int) -> range:
        return range(index * self._tiles**2, (index + 1) * self._tiles**2)
