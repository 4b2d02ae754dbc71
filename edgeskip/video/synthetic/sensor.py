"""What the camera adds: noise that differs from frame to frame, and light that drifts slowly."""

from __future__ import annotations

from functools import lru_cache
from math import pi, sin

import cv2
import numpy as np

_MARGIN = 192


@lru_cache(maxsize=2)
def _bank(size: tuple[int, int]) -> np.ndarray:
    """Standard normal noise, float32, larger than the picture: a frame takes a window at a random place."""
    generator = np.random.default_rng(20210611)
    width, height = size
    return generator.standard_normal((height + _MARGIN, width + _MARGIN, 3), dtype=np.float32)


@lru_cache(maxsize=12)
def _scaled(size: tuple[int, int], sigma: float) -> np.ndarray:
    return np.rint(_bank(size) * sigma).astype(np.int16)


def add_noise(picture: np.ndarray, sigma: float, seed: int, t: int) -> np.ndarray:
    """`picture` (uint8 BGR) with Gaussian noise of `sigma` grey levels, the same for the same seed and t."""
    if sigma <= 0:
        return picture
    height, width = picture.shape[:2]
    x, y = np.random.default_rng([seed, t, 11]).integers(0, _MARGIN, 2)
    window = _scaled((width, height), float(sigma))[y : y + height, x : x + width]
    return cv2.add(picture, window, dtype=cv2.CV_8U)


def light_table(t: float, seed: int, depth: float) -> np.ndarray:
    """Look-up table uint8 [256] of the light at frame t: a swing of `depth` (0.05: 5 %) over about a minute."""
    phase = (seed % 97) / 97 * 2 * pi
    gain = 1.0 + depth * (0.7 * sin(2 * pi * t / 1700.0 + phase) + 0.3 * sin(2 * pi * t / 611.0 + 2 * phase))
    return np.clip(np.rint(np.arange(256) * gain), 0, 255).astype(np.uint8)
