"""Changed input pixels that make a wanted share of a convolution's output active."""

from __future__ import annotations

import numpy as np

from edgeskip.core.errors import InputError
from edgeskip.evaluate.conv_shapes import ConvShape

PATTERNS = ("patches", "scattered")


def changed_inputs(shape: ConvShape, active: float, pattern: str, count: int, seed: int = 1) -> list[np.ndarray]:
    """`count` masks uint8 [height, width] of changed input pixels; each reaches about `active` of the output pixels.

    "patches": one rectangle, somewhere else in each mask. "scattered": single pixels drawn at random; each of them
    reaches kernel x kernel outputs. Less than what one input pixel reaches there is not.

    Raises:
        InputError: no such pattern, or `active` is not in (0, 1].
    """
    if pattern not in PATTERNS:
        raise InputError(
            f"there is no pattern {pattern!r} of active pixels", hint=f"choose among: {', '.join(PATTERNS)}"
        )
    if not 0 < active <= 1:
        raise InputError(f"an active share is above 0 and at most 1: {active}", hint="for example: --active 1,0.1")
    if active == 1:
        return [np.ones((shape.height, shape.width), np.uint8)] * count
    random = np.random.default_rng(seed)
    make = _patch if pattern == "patches" else _scattered
    size = None
    masks = []
    for _ in range(count):
        mask, size = make(shape, active * shape.pixels, random, size)
        while not reached(shape, mask).any():  # a single pixel that a stride steps over
            mask, size = make(shape, active * shape.pixels, random, size)
        masks.append(mask)
    return masks


def reached(shape: ConvShape, mask: np.ndarray) -> np.ndarray:
    """bool [output height, output width]: outputs whose receptive field holds a pixel of `mask` [height, width]."""
    top, left, bottom, right = shape.pad
    padded = np.pad(np.asarray(mask, bool), ((top, bottom), (left, right)))
    height, width = shape.output
    result = np.zeros((height, width), bool)
    for row in range(shape.kernel[0]):
        for column in range(shape.kernel[1]):
            y, x = row * shape.dilation[0], column * shape.dilation[1]
            result |= padded[
                y : y + (height - 1) * shape.stride[0] + 1 : shape.stride[0],
                x : x + (width - 1) * shape.stride[1] + 1 : shape.stride[1],
            ]
    return result


def _patch(
    shape: ConvShape, pixels: float, random: np.random.Generator, size: tuple[int, int] | None
) -> tuple[np.ndarray, tuple[int, int]]:
    size = size or _patch_size(shape, pixels)
    top, left = random.integers(shape.height - size[0] + 1), random.integers(shape.width - size[1] + 1)
    mask = np.zeros((shape.height, shape.width), np.uint8)
    mask[top : top + size[0], left : left + size[1]] = 1
    return mask, size


def _patch_size(shape: ConvShape, pixels: float) -> tuple[int, int]:
    """Rows and columns of the rectangle, about as wide as the picture is, that reaches nearest to `pixels` outputs."""
    rows = [_reached_along(shape, 0, size) for size in range(1, shape.height + 1)]
    columns = [_reached_along(shape, 1, size) for size in range(1, shape.width + 1)]
    wanted = np.sqrt(pixels / shape.pixels) * shape.output[0]
    height = int(np.abs(np.array(rows) - wanted).argmin())
    width = int(np.abs(np.array(columns) * rows[height] - pixels).argmin())
    return height + 1, width + 1


def _reached_along(shape: ConvShape, axis: int, size: int) -> int:
    """Outputs along one axis that `size` input pixels in the middle reach."""
    whole = (shape.height, shape.width)[axis]
    first = (whole - size) // 2
    reach = (shape.kernel[axis] - 1) * shape.dilation[axis]
    starts = np.arange(shape.output[axis]) * shape.stride[axis] - shape.pad[axis]
    taps = starts[:, None] + np.arange(0, reach + 1, shape.dilation[axis])
    return int(((taps >= first) & (taps < first + size)).any(axis=1).sum())


def _scattered(
    shape: ConvShape, pixels: float, random: np.random.Generator, number: int | None
) -> tuple[np.ndarray, int]:
    order = random.permutation(shape.height * shape.width)
    number = number or _scattered_number(shape, pixels, order)
    return _drawn(shape, order, number), number


def _scattered_number(shape: ConvShape, pixels: float, order: np.ndarray) -> int:
    """How many pixels of `order` reach nearest to `pixels` outputs."""
    low, high = 1, len(order)
    while low < high:
        middle = (low + high) // 2
        if reached(shape, _drawn(shape, order, middle)).sum() < pixels:
            low = middle + 1
        else:
            high = middle
    return low


def _drawn(shape: ConvShape, order: np.ndarray, number: int) -> np.ndarray:
    mask = np.zeros(shape.height * shape.width, np.uint8)
    mask[order[:number]] = 1
    return mask.reshape(shape.height, shape.width)
