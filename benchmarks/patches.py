"""Pictures with a known activity: a still random background, over which a random patch moves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from edgeskip.backends.base import Runner
from edgeskip.core.contract import Preparation
from edgeskip.video import prepare

STEP = (8, 12)
SEARCH_STEPS = 7
SEARCH_FRAMES = 12
SETTLING_FRAMES = 4  # thresholds that the patch has not met yet
EVERYTHING = 1.0
SMALLEST = 0.03


def pictures(size: tuple[int, int], side: float, seed: int = 1) -> Iterator[np.ndarray]:
    """uint8 [h, w, 3] of `size` (width, height), without end.

    The patch is `side` times as high and wide as the picture, has new content in each frame and moves 12 pixels to the
    right and 8 down, from the other end on where it would leave. 0: nothing ever changes; 1: all of it does.
    """
    random = np.random.default_rng(seed)
    width, height = size
    background = random.integers(0, 256, (height, width, 3), np.uint8)
    rows, columns = round(side * height), round(side * width)
    frame = 0
    while True:
        picture = background.copy()
        top = STEP[0] * frame % (height - rows + 1)
        left = STEP[1] * frame % (width - columns + 1)
        picture[top : top + rows, left : left + columns] = random.integers(0, 256, (rows, columns, 3), np.uint8)
        yield picture
        frame += 1


def side_for(target: float, runner: Runner, preparation: Preparation) -> float | None:
    """The patch at which `runner` computes nearest to the share `target` of its multiply-accumulates.

    None where the smallest patch makes it compute more.
    """
    if target in (0.0, EVERYTHING):
        return target
    if active_fraction(SMALLEST, runner, preparation) > target:
        return None
    low, high = SMALLEST, 1.0
    tried: list[tuple[float, float]] = []
    for _ in range(SEARCH_STEPS):
        side = (low + high) / 2
        fraction = active_fraction(side, runner, preparation)
        tried.append((abs(fraction - target), side))
        low, high = (side, high) if fraction < target else (low, side)
    return min(tried)[1]


def active_fraction(side: float, runner: Runner, preparation: Preparation) -> float:
    """Mean active MAC fraction of `SEARCH_FRAMES` frames, after those in which it still grows."""
    runner.reset()
    source = pictures(preparation.size, side)
    fractions = [
        runner.infer(prepare(picture, preparation)[0]).active_mac_fraction
        for picture in islice(source, SETTLING_FRAMES + SEARCH_FRAMES)
    ]
    return float(np.mean(fractions[SETTLING_FRAMES:]))
