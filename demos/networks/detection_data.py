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
            picture = picture[:, ::-1]
            boxes = np.stack([picture.shape[1] - boxes[:, 2], boxes[:, 1], picture.shape[1] - boxes[:, 0], boxes[:, 3]], 1)
        return picture, boxes, class_ids


def detection_batches(seed: int, size: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Endless batches: inputs [N, 3, H, W], boxes [N, M, 4], class ids [N, M] (-1: none)."""
    samples = DetectionSamples(seed)
    while True:
        drawn = [samples.next() for _ in range(size)]
        boxes, ids = np.zeros((size, MOST_BOXES, 4), np.float32), np.full((size, MOST_BOXES), -1, np.int64)
        for k, (_, sample_boxes, sample_ids) in enumerate(drawn):
            count = min(MOST_BOXES, len(sample_ids))
            # the nearest come last
            boxes[k, :count], ids[k, :count] = sample_boxes[len(sample_ids) - count :], sample_ids[len(sample_ids) - count :]
        yield to_input(np.stack([sample[0] for sample in drawn])), boxes, ids


def scene_frames(seeds: range, count: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`count` frames (picture, boxes, class ids), four of each scene, far apart in time."""
    for number in range(-(-count // FRAMES_PER_SCENE)):
        draw = np.random.default_rng([seeds[number], 24])
        noise = float(draw.uniform(0, 5))
        scene = Scene(SCENE_NAMES[number % len(SCENE_NAMES)], seeds[number], DETECTION_SIZE, noise)
        for t in draw.integers(0, _LAST_FRAME, min(FRAMES_PER_SCENE, count - number * FRAMES_PER_SCENE)):
            yield scene.frame(int(t))
