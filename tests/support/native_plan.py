"""Small plans of the native engine, and slow, obvious numpy answers to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

native = pytest.importorskip(
    "edgeskip.backends.cpu._native", reason="the native module is not built: cmake --build build/dev, or pip install ."
)

EMPTY = np.zeros(0, np.float32)


def new_tensor(plan: Any, height: int, width: int, channels: int) -> tuple[int, int]:
    """A tensor with a buffer and a mask of its own: (tensor, mask)."""
    return plan.add_tensor(plan.add_buffer(height, width, channels), 0, channels), plan.add_mask(height, width)


def random_mask(rng: np.random.Generator, height: int, width: int, share: float) -> np.ndarray:
    """uint8 [height, width] with about `share` ones."""
    return (rng.random((height, width)) < share).astype(np.uint8)


@dataclass
class ConvCase:
    """One convolution; `output` is [height, width] of y, from the geometry unless given."""

    inputs: int = 3
    outputs: int = 5
    size: tuple[int, int] = (13, 17)
    kernel: tuple[int, int] = (3, 3)
    strides: list[int] = field(default_factory=lambda: [1, 1])
    pads: list[int] = field(default_factory=lambda: [1, 1, 1, 1])
    dilations: list[int] = field(default_factory=lambda: [1, 1])
    group: int = 1
    transposed: bool = False
    output_padding: tuple[int, int] = (0, 0)
    threshold: float = 0.0
    norm: str = "l2"
    block: int = 1
    with_z: bool = False

    @property
    def output(self) -> tuple[int, int]:
        sizes = []
        for axis in range(2):
            pads = self.pads[axis] + self.pads[axis + 2]
            reach = (self.kernel[axis] - 1) * self.dilations[axis] + 1
            if self.transposed:
                stride = (self.size[axis] - 1) * self.strides[axis]
                sizes.append(stride + reach - pads + self.output_padding[axis])
            else:
                sizes.append((self.size[axis] + pads - reach) // self.strides[axis] + 1)
        return sizes[0], sizes[1]

    def weight_shape(self) -> tuple[int, int, int, int]:
        first, second = (self.inputs, self.outputs) if self.transposed else (self.outputs, self.inputs)
        return first, second // self.group, *self.kernel

    def taps(self):
        """(ky, kx, rows, columns, target rows, target columns): input pixels and the outputs that they reach."""
        height, width = self.output
        for ky in range(self.kernel[0]):
            for kx in range(self.kernel[1]):
                rows = _pairs(self, 0, ky, self.size[0], height)
                columns = _pairs(self, 1, kx, self.size[1], width)
                yield ky, kx, rows, columns

    def dense(self, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """float64 [outputs, H, W] of x [inputs, h, w]."""
        y = np.zeros((self.outputs, *self.output)) + bias.astype(np.float64)[:, None, None]
        inputs, outputs = self.inputs // self.group, self.outputs // self.group
        for ky, kx, (rows_in, rows_out), (columns_in, columns_out) in self.taps():
            for g in range(self.group):
                part = x[g * inputs : (g + 1) * inputs].astype(np.float64)[:, rows_in][:, :, columns_in]
                if self.transposed:
                    matrix = weight[g * inputs : (g + 1) * inputs, :, ky, kx].T.astype(np.float64)
                else:
                    matrix = weight[g * outputs : (g + 1) * outputs, :, ky, kx].astype(np.float64)
                target = y[g * outputs : (g + 1) * outputs]
                target[np.ix_(range(outputs), rows_out, columns_out)] += np.einsum("oi,ihw->ohw", matrix, part)
        return y

    def candidates(self, mask_x: np.ndarray) -> np.ndarray:
        """uint8: outputs whose receptive field holds a changed input."""
        out = np.zeros(self.output, np.uint8)
        for _, _, (rows_in, rows_out), (columns_in, columns_out) in self.taps():
            out[np.ix_(rows_out, columns_out)] |= mask_x[np.ix_(rows_in, columns_in)]
        return out


def _pairs(case: ConvCase, axis: int, k: int, inputs: int, outputs: int) -> tuple[list[int], list[int]]:
    """Indices (input, output) of one axis that tap k connects."""
    shift = k * case.dilations[axis] - case.pads[axis]
    stride = case.strides[axis]
    if case.transposed:
        pairs = [(i, i * stride + shift) for i in range(inputs) if 0 <= i * stride + shift < outputs]
    else:
        pairs = [(o * stride + shift, o) for o in range(outputs) if 0 <= o * stride + shift < inputs]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


class ConvNetwork:
    """A plan of one convolution, with its ids and weights."""

    def __init__(self, case: ConvCase, rng: np.random.Generator, gated: bool = False, activation: str = "none") -> None:
        self.case = case
        self.plan = plan = native.Plan()
        self.x, self.mask_x = new_tensor(plan, *case.size, case.inputs)
        self.y, self.mask_y = new_tensor(plan, *case.output, case.outputs)
        extra: dict[str, Any] = {}
        if case.with_z:
            self.z, self.mask_z = new_tensor(plan, *case.output, case.outputs)
            extra |= {"z": self.z, "mask_z": self.mask_z}
        if gated:
            self.gate, self.pending = plan.add_mask(*case.output), plan.add_mask(*case.output)
            extra |= {"gate": self.gate, "pending": self.pending}
        self.weight = rng.standard_normal(case.weight_shape()).astype(np.float32)
        self.bias = rng.standard_normal(case.outputs).astype(np.float32)
        self.op = plan.add_conv(
            "conv", self.x, self.mask_x, self.y, self.mask_y, self.weight, self.bias, case.strides, case.pads,
            case.dilations, case.group, case.transposed, activation, EMPTY, 0.0, case.threshold, case.norm, case.block,
            **extra,
        )  # fmt: skip

    def dense(self, x: np.ndarray) -> np.ndarray:
        return self.case.dense(x, self.weight, self.bias)


def ones(shape: tuple[int, int]) -> np.ndarray:
    """A mask with every pixel set."""
    return np.ones(shape, np.uint8)
