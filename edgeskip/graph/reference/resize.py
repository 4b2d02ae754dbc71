"""Resize, nearest and linear, as a table per axis: which input indices an output index reads, and their weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def axis_table(
    size: int, out: int, scale: float | None, mode: str, coordinates: str, nearest: str
) -> tuple[np.ndarray, np.ndarray]:
    """(indices int32 [out, 2], weights float32 [out, 2]) of one axis.

    `scale` is the one that the node was given, None where it was given sizes. Source: ONNX
    operators, Resize; computed in float32 as ONNX Runtime does, so that ties fall alike.
    """
    position = _positions(size, out, np.float32(scale if scale else out / size), coordinates)
    if mode == "nearest":
        index = np.clip(_rounded(position, nearest), 0, size - 1).astype(np.int32)
        return np.stack([index, index], 1), np.tile(np.array([1, 0], np.float32), (out, 1))
    position = np.clip(position, 0, size - 1)
    low = np.floor(position).astype(np.int32)
    fraction = (position - low).astype(np.float32)
    high = np.minimum(low + 1, size - 1)
    return np.stack([low, high], 1), np.stack([1 - fraction, fraction], 1)


def resize(x: np.ndarray, sizes: Sequence[int], scales: Sequence[float], mode: str, coordinates: str, nearest: str):
    """x [N, C, H, W] resized to `sizes` (height, width); `scales` empty where the node was given sizes."""
    y = x.astype(np.float64)
    for axis, size in enumerate(sizes):
        scale = scales[axis] if scales else None
        indices, weights = axis_table(x.shape[2 + axis], size, scale, mode, coordinates, nearest)
        weights = weights.astype(np.float64).reshape(-1, 2, *([1] * (1 - axis)))
        # a neighbour of weight 0 is not read, so that an unknown value there does no harm
        parts = [np.take(y, indices[:, k], axis=2 + axis) for k in (0, 1)]
        y = sum(np.where(weights[:, k] == 0, 0, part * weights[:, k]) for k, part in enumerate(parts))
    return y


def _positions(size: int, out: int, scale: np.float32, coordinates: str) -> np.ndarray:
    index = np.arange(out, dtype=np.float32)
    if coordinates == "asymmetric":
        return index / scale
    if coordinates == "align_corners":
        return index * np.float32((size - 1) / (out - 1)) if out > 1 else np.zeros(1, np.float32)
    if coordinates == "pytorch_half_pixel" and out == 1:
        return np.zeros(1, np.float32)
    if coordinates == "half_pixel_symmetric":
        adjustment = np.float32(out) / (scale * size)
        offset = np.float32(size / 2) * (1 - adjustment)
        return offset + (index + np.float32(0.5)) / scale - np.float32(0.5)
    return (index + np.float32(0.5)) / scale - np.float32(0.5)


def _rounded(position: np.ndarray, nearest: str) -> np.ndarray:
    if nearest == "floor":
        return np.floor(position)
    if nearest == "ceil":
        return np.ceil(position)
    down = np.ceil(position - np.float32(0.5))
    return down if nearest == "round_prefer_floor" else np.floor(position + np.float32(0.5))
