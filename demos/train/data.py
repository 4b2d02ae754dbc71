"""Training samples: frames of synthetic scenes at random seeds, zooms, light and noise."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import cv2
import numpy as np

from edgeskip.demos.train.recipe import INPUT_SIZE, PREPARATION, TRAINING_SEEDS
from edgeskip.video.synthetic import SCENE_NAMES, Scene

MOST_BOXES = 24
_POOL, _USES = 36, 40
SIZES = ((640, 384), (640, 384), INPUT_SIZE)

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


class Samples:
    """Endless samples (picture uint8 BGR at `INPUT_SIZE`, boxes [n, 4] in its pixels, class ids [n])."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._pool: list[tuple[Scene, int]] = []

    def next(self) -> Sample:
        """One more sample; a scene serves `_USES` frames and is then replaced."""
        draw = self._generator
        if len(self._pool) < _POOL:
            name = SCENE_NAMES[draw.integers(len(SCENE_NAMES))]
            seed = int(draw.integers(TRAINING_SEEDS.start, TRAINING_SEEDS.stop))
            self._pool.append((Scene(name, seed, SIZES[draw.integers(len(SIZES))]), _USES))
        index = int(draw.integers(len(self._pool)))
        scene, left = self._pool[index]
        if left == 1:
            self._pool.pop(index)
        else:
            self._pool[index] = (scene, left - 1)
        scene.noise = float(draw.choice([0.0, 1.0, 2.0, 3.0, 4.0, 6.0]))
        picture, boxes, class_ids = scene.frame(int(draw.integers(0, 50_000)))
        return augment(picture, boxes, class_ids, draw)


def augment(picture: np.ndarray, boxes: np.ndarray, class_ids: np.ndarray, draw: np.random.Generator) -> Sample:
    """Random mirror, zoom and light; every third sample is exactly the letterbox of the demo."""
    height, width = picture.shape[:2]
    scale, shift = min(INPUT_SIZE[0] / width, INPUT_SIZE[1] / height), np.zeros(2)
    if draw.random() < 0.67:
        scale *= draw.uniform(0.75, 1.5)
        slack = np.array(INPUT_SIZE) - scale * np.array([width, height])
        shift = slack * draw.uniform(0, 1, 2)
    flip = draw.random() < 0.5
    across = (-scale, 0.0, shift[0] + scale * (width - 1)) if flip else (scale, 0.0, shift[0])
    matrix = np.array([across, (0.0, scale, shift[1])])
    border = (PREPARATION.pad_value,) * 3
    moved = cv2.warpAffine(picture, matrix, INPUT_SIZE, flags=cv2.INTER_LINEAR, borderValue=border)
    if draw.random() < 0.6:
        gain, bias = draw.uniform(0.7, 1.3), draw.uniform(-18, 18)
        moved = cv2.LUT(moved, np.clip(np.arange(256) * gain + bias, 0, 255).astype(np.uint8))
    if len(boxes) == 0:
        return moved, boxes, class_ids
    if flip:
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    full = boxes * scale + np.tile(shift, 2)
    clipped = np.clip(full, 0, np.tile(INPUT_SIZE, 2)).astype(np.float32)
    share = (clipped[:, 2:] - clipped[:, :2]).prod(1) / (full[:, 2:] - full[:, :2]).prod(1)
    keep = (share > 0.3) & ((clipped[:, 2:] - clipped[:, :2]).min(1) > 3.0)
    return moved, clipped[keep][-MOST_BOXES:], class_ids[keep][-MOST_BOXES:]


def to_input(pictures: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, 3] to the network's float32 [N, 3, H, W]."""
    values = (pictures.astype(np.float32) - PREPARATION.mean[0]) * PREPARATION.scale[0]
    return values.astype(np.float32).transpose(0, 3, 1, 2)


def batches(seed: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches drawn by a thread: inputs [N, 3, H, W], boxes [N, M, 4], class ids [N, M] (-1: none)."""
    ready: queue.Queue = queue.Queue(maxsize=4)

    def work() -> None:
        samples = Samples(seed)
        while True:
            ready.put(_collate([samples.next() for _ in range(size)]))

    threading.Thread(target=work, daemon=True).start()
    while True:
        yield ready.get()


def _collate(samples: list[Sample]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    boxes = np.zeros((len(samples), MOST_BOXES, 4), np.float32)
    class_ids = np.full((len(samples), MOST_BOXES), -1, np.int64)
    for k, (_, sample_boxes, sample_ids) in enumerate(samples):
        boxes[k, : len(sample_boxes)] = sample_boxes
        class_ids[k, : len(sample_ids)] = sample_ids
    return to_input(np.stack([sample[0] for sample in samples])), boxes, class_ids
