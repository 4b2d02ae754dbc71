"""Output maps of a network: their strides, and which of them belong together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from edgeskip.core.errors import ModelError

Shape = tuple[int, ...]


def map_stride(input_size: tuple[int, int], map_size: tuple[int, int]) -> int:
    """Input pixels per map pixel, a power of two, or 0 where there is none that fits both sides.

    Sizes are (width, height); an input that is no multiple of the stride may be rounded up or down.
    """
    stride = 1 << max(0, round(np.log2(input_size[0] / map_size[0])))
    fits = all(
        pixels in (side // stride, -(-side // stride)) for side, pixels in zip(input_size, map_size, strict=True)
    )
    return stride if fits else 0


def stride_of(name: str, value: np.ndarray, input_size: tuple[int, int]) -> int:
    """Stride of output `name` [1, C, h, w]. Raises ModelError where it has none."""
    stride = map_stride(input_size, (value.shape[3], value.shape[2])) if value.ndim == 4 else 0
    if not stride:
        raise ModelError(
            f"output {name} has shape {value.shape}: no map of an input of {input_size[0]}x{input_size[1]}",
            hint="choose the task of this network: --task tensor takes any outputs",
        )
    return stride


def levels(outputs: Mapping[str, np.ndarray], input_size: tuple[int, int]) -> list[tuple[int, list[np.ndarray]]]:
    """Maps [C, h, w] of batch 0 by stride, finest first; within a stride in the order of the outputs."""
    table: dict[int, list[np.ndarray]] = {}
    for name, value in outputs.items():
        table.setdefault(stride_of(name, value, input_size), []).append(value[0])
    return sorted(table.items(), key=lambda entry: entry[0])


def shape_table(input_shape: Shape, output_shapes: Iterable[Shape]) -> dict[int, list[int]] | None:
    """Sorted channel counts by stride, or None where an output is no map with a fixed size."""
    table: dict[int, list[int]] = {}
    if not _is_map(input_shape):
        return None
    for shape in output_shapes:
        if not _is_map(shape):
            return None
        stride = map_stride((input_shape[3], input_shape[2]), (shape[3], shape[2]))
        if not stride:
            return None
        table.setdefault(stride, []).append(shape[1])
    return {stride: sorted(table[stride]) for stride in sorted(table)}


def _is_map(shape: Shape) -> bool:
    return len(shape) == 4 and all(isinstance(side, (int, np.integer)) and side > 0 for side in shape[1:])
