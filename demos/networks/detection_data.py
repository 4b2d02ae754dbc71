"""Samples of the detection networks: the demo's scenes at the network's size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgeskip.demos.networks.pose_data import NOISES, to_input
from edgeskip.demos.networks.recipe import DETECTION_SIZE, SPLITS
from edgeskip.video.synthetic import SCENE_NAMES, Scene

MOST_BOXES = 24
FRAMES_PER_SCENE = 4
_POOL, _USES = 36, 40
_LAST_FRAME = 50_000


class DetectionSamples:
    """Endless training samples (picture uint8 BGR, boxes [n, 4], class ids [n])."""

    def __init__(self, seed: int) -> None:
        self._generator = np.random.default_rng(seed)
        self._pool: list[list] = []

    def next(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One more sample, half of them mirrored; a scene serves `_USES` frames."""
        draw = self._generator
        if len(self._pool) < _POOL:
            name, seeds = SCENE_NAMES[draw.integers(len(SCENE_NAMES))], SPLITS["training"]
            self._pool.append([Scene(name, int(draw.integers(seeds.start, seeds.stop)), DETECTION_SIZE), _USES])
        entry = self._pool[int(draw.integers(len(self._pool)))]
        entry[1] -= 1
        if entry[1] == 0:
            self._pool.remove(entry)
        entry[0].noise = float(draw.choice(NOISES))
        picture, boxes, class_ids = entry[0].frame(int(draw.integers(_LAST_FRAME)))
        if draw.random() < 0.5:
            picture, boxes = mirrored(picture, boxes)
        return picture, boxes, class_ids


def mirrored(picture: np.ndarray, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`picture` [H, W, 3] with left and right exchanged, and its boxes [n, 4]."""
    width = picture.shape[1]
    return picture[:, ::-1], np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)


def detection_batches(seed: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches: inputs [N, 3, H, W], boxes [N, M, 4], class ids [N, M] (-1: none)."""
    samples = DetectionSamples(seed)
    while True:
        drawn = [samples.next() for _ in range(size)]
        truths = [padded_truth(boxes, class_ids) for _, boxes, class_ids in drawn]
        boxes, class_ids = (np.stack(column) for column in zip(*truths, strict=True))
        yield to_input(np.stack([sample[0] for sample in drawn])), boxes, class_ids


def padded_truth(boxes: np.ndarray, class_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [n, 4] and class ids [n] as [24, 4] and [24] (-1: none); of more than 24 the nearest, which come last."""
    count = min(MOST_BOXES, len(class_ids))
    all_boxes, all_ids = np.zeros((MOST_BOXES, 4), np.float32), np.full(MOST_BOXES, -1, np.int64)
    all_boxes[:count], all_ids[:count] = boxes[len(class_ids) - count :], class_ids[len(class_ids) - count :]
    return all_boxes, all_ids


def scene_frames(seeds: range, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`count` frames (picture, boxes, class ids), four of each scene, far apart in time."""
    for number in range(-(-count // FRAMES_PER_SCENE)):
        draw = np.random.default_rng([seeds[number], 24])
        noise = float(draw.uniform(0, 5))
        scene = Scene(SCENE_NAMES[number % len(SCENE_NAMES)], seeds[number], DETECTION_SIZE, noise)
        for t in draw.integers(0, _LAST_FRAME, min(FRAMES_PER_SCENE, count - number * FRAMES_PER_SCENE)):
            yield scene.frame(int(t))
