"""Which input rows an output row of Resize reads, and with which weights, as ONNX Runtime computes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


@dataclass(frozen=True)
class AxisTable:
    """For each output index: two input indices int32 [out, 2] and their weights float32 [out, 2]."""

    indices: np.ndarray
    weights: np.ndarray


def nearest_table(in_size: int, out_size: int, scale: float, coordinates: str, rounding: str) -> AxisTable:
    """One input index per output index, with weights 1 and 0."""
    position = _positions(in_size, out_size, scale, coordinates)
    index = _ROUNDING[rounding](position).astype(np.int64).clip(0, in_size - 1).astype(np.int32)
    weights = np.tile(np.array([1, 0], np.float32), (out_size, 1))
    return AxisTable(np.ascontiguousarray(np.stack([index, index], 1)), weights)


def linear_table(in_size: int, out_size: int, scale: float, coordinates: str) -> AxisTable:
    """The two neighbours of each output position; at the border both are the border."""
    position = _positions(in_size, out_size, scale, coordinates).clip(0, in_size - 1)
    first = np.minimum(position.astype(np.int32), in_size - 1)
    second = np.minimum(first + 1, in_size - 1)
    fraction = np.where(first == second, np.float32(0), position - first.astype(np.float32)).astype(np.float32)
    weights = np.stack([np.float32(1) - fraction, fraction], 1).astype(np.float32)
    # an input row of weight 0 is not read, so its changes do not matter either
    second = np.where(fraction == 0, first, second)
    return AxisTable(np.ascontiguousarray(np.stack([first, second], 1).astype(np.int32)), weights)


def _positions(in_size: int, out_size: int, scale: float, coordinates: str) -> np.ndarray:
    """Position in the input, in pixels, of each output index (ONNX Resize), float32."""
    out = np.arange(out_size, dtype=np.float32)
    factor = np.float32(scale)
    if in_size == out_size and factor == 1:
        return out
    if coordinates == "asymmetric":
        return out / factor
    if coordinates == "align_corners":
        if out_size == 1:
            return np.zeros(1, np.float32)
        return out * np.float32(in_size - 1) / np.float32(out_size - 1)
    if coordinates == "pytorch_half_pixel" and out_size == 1:
        return np.zeros(1, np.float32)
    return (out + np.float32(0.5)) / factor - np.float32(0.5)


_ROUNDING = {
    "round_prefer_floor": lambda x: np.ceil(x - np.float32(0.5)),
    "round_prefer_ceil": lambda x: np.floor(x + np.float32(0.5)),
    "floor": np.floor,
    "ceil": np.ceil,
}
