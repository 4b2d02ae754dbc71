"""Samples of the pose networks: pictures of figures, crops of them, and heat maps of their joints."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeskip.demos.networks.recipe import HEATMAP_STRIDE, MEAN, POSE_SIZE, SCALE, SPLITS
from edgeskip.video.synthetic.figures import FigureScene

CROP = (128, 160)  # width, height: a figure with raised arms just fits, and it costs 0.4 of the whole picture
SIGMA = 1.5  # of the heat maps' peaks, in their own pixels
NOISES = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
_POOL, _USES = 32, 32


class PoseSamples:
    """Endless training samples (picture uint8 BGR, joints [13, 2] in its pixels, visible [13])."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._pool: list[list] = []

    def next(self, crop: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One more sample, whole or cropped around the figure; a scene serves `_USES` frames."""
        draw = self._generator
        if len(self._pool) < _POOL:
            seeds = SPLITS["training"]
            self._pool.append([FigureScene(int(draw.integers(seeds.start, seeds.stop)), POSE_SIZE), _USES])
        entry = self._pool[int(draw.integers(len(self._pool)))]
        entry[1] -= 1
        if entry[1] == 0:
            self._pool.remove(entry)
        entry[0].noise = float(draw.choice(NOISES))
        picture, joints, visible = entry[0].frame(int(draw.integers(0, 3000)))
        return self._cropped(picture, joints, visible) if crop else (picture, joints, visible)

    def _cropped(self, picture: np.ndarray, joints: np.ndarray, visible: np.ndarray) -> tuple:
        room = np.array(picture.shape[1::-1]) - CROP
        middle = (joints.min(0) + joints.max(0)) / 2 + self._generator.uniform(-30, 30, 2)
        x, y = np.clip(middle - np.array(CROP) / 2, 0, room).astype(int)
        moved = joints - np.array([x, y], np.float32)
        inside = ((moved >= 0) & (moved < np.array(CROP))).all(1)
        return picture[y : y + CROP[1], x : x + CROP[0]], moved, visible & inside


def to_input(pictures: np.ndarray) -> np.ndarray:
    """uint8 BGR [N, H, W, 3] to the networks' float32 [N, 3, H, W]."""
    values = (pictures[..., ::-1].astype(np.float32) - np.float32(MEAN)) * np.float32(SCALE)
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def heatmaps(joints: np.ndarray, size: tuple[int, int], sigma: float = SIGMA) -> np.ndarray:
    """Gaussians of sum 1: joints [N, K, 2] in input pixels to float32 [N, K, H / 4, W / 4] for input `size`."""
    width, height = size[0] // HEATMAP_STRIDE, size[1] // HEATMAP_STRIDE
    centers = joints / HEATMAP_STRIDE - 0.5
    across = np.exp(-((np.arange(width) - centers[..., :1]) ** 2) / (2 * sigma**2))
    down = np.exp(-((np.arange(height) - centers[..., 1:]) ** 2) / (2 * sigma**2))
    maps = down[..., :, None] * across[..., None, :]
    return (maps / np.maximum(maps.sum((-2, -1), keepdims=True), 1e-9)).astype(np.float32)


def pose_batches(seed: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches: inputs [N, 3, H, W], heat maps [N, K, H / 4, W / 4], weights [N, K] (1: visible).

    Three of four batches are `size` crops, the fourth `size / 2` whole pictures.
    """
    samples = PoseSamples(seed)
    number = 0
    while True:
        crop = number % 4 != 3
        drawn = [samples.next(crop) for _ in range(size if crop else max(1, size // 2))]
        pictures, joints, visible = (np.stack(column) for column in zip(*drawn, strict=True))
        yield to_input(pictures), heatmaps(joints, CROP if crop else POSE_SIZE), visible.astype(np.float32)
        number += 1
