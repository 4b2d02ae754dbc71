"""A camera picture becomes a network's input, in plain numpy: what `infer_picture` computes on every backend.

Native code does the same arithmetic in one pass (plugins/cpu/kernels/picture/); `edgeskip.video.prepare` resizes with
OpenCV, from which this differs by at most one grey level, and not at all where no resize is needed.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError
from edgeskip.core.placement import Placement

# source channel (BGR) of each channel; gray is the luminance of all
CHANNEL_ORDER = {"BGR": (0, 1, 2), "RGB": (2, 1, 0), "GRAY": ()}
_ONE = 2048  # resize weights are integers of 11 bits


def require_picture(picture: np.ndarray) -> None:
    """Raises InputError unless `picture` is uint8 [height, width, 3]."""
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise InputError(
            f"a picture must be uint8 [height, width, 3] in BGR, this one is {picture.dtype} {list(picture.shape)}"
        )


@lru_cache(maxsize=32)
def inner_size(source_size: tuple[int, int], preparation: Preparation) -> tuple[int, int]:
    """Width and height of a source of (width, height) inside the input, which is larger where a letterbox pads."""
    placement = Placement.of(source_size, preparation)
    sides = zip(source_size, (placement.scale_x, placement.scale_y), preparation.size, strict=True)
    inner_width, inner_height = (min(limit, max(1, round(side * scale))) for side, scale, limit in sides)
    return inner_width, inner_height


@lru_cache(maxsize=32)
def level_tables(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Value of each pixel level per channel, float32 [C, 256], and of the padding, [C].

    Raises:
        InputError: mean or scale give a value that is not finite.
    """
    mean, scale = (values[:, None] for values in normalisation(preparation))
    with np.errstate(invalid="ignore", over="ignore"):  # judged below
        tables = (np.arange(256, dtype=np.float32) - mean) * scale
        pads = ((np.float32(preparation.pad_value) - mean) * scale)[:, 0]
    if not (np.isfinite(tables).all() and np.isfinite(pads).all()):
        raise InputError(
            f"the picture is not finite after normalisation: mean {preparation.mean}, scale {preparation.scale}",
            hint="export the model again with a mean and a scale that are finite",
        )
    return tables, pads


@lru_cache(maxsize=32)
def normalisation(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale of each channel, float32 [C]."""
    channels = preparation.channels
    return np.float32(preparation.mean[:channels]), np.float32(preparation.scale[:channels])


@lru_cache(maxsize=64)
def resize_axis(source: int, size: int) -> np.ndarray:
    """int32 [size, 4]: the two source positions that each position reads, and their weights, which sum to 2048.

    Bilinear with pixel centres at halves, as in OpenCV's INTER_LINEAR.
    """
    at = (np.arange(size) + 0.5) * (source / size) - 0.5
    first = np.floor(at).astype(np.int32)
    weight = np.rint((at - first) * _ONE).astype(np.int32)
    first, weight = np.where(first < 0, 0, first), np.where(first < 0, 0, weight)
    first, weight = np.where(first >= source - 1, source - 1, first), np.where(first >= source - 1, 0, weight)
    second = np.minimum(first + 1, source - 1)
    return np.stack([first, second, _ONE - weight, weight], axis=1).astype(np.int32)


def input_of(picture: np.ndarray, preparation: Preparation) -> np.ndarray:
    """float32 [1, C, height, width] of a picture uint8 [h, w, 3] in BGR: value = (pixel - mean) * scale.

    Raises:
        InputError: the picture is not uint8 [h, w, 3].
    """
    require_picture(picture)
    height, width = picture.shape[:2]
    inner_width, inner_height = inner_size((width, height), preparation)
    if (inner_width, inner_height) != (width, height):
        picture = _resized(picture, resize_axis(width, inner_width), resize_axis(height, inner_height))
    tables, pads = level_tables(preparation)
    result = np.empty((1, preparation.channels, preparation.size[1], preparation.size[0]), np.float32)
    result[:] = pads[None, :, None, None]
    order = CHANNEL_ORDER[preparation.color]
    planes = [picture[..., source] for source in order] or [_luminance(picture)]
    for channel, plane in enumerate(planes):
        result[0, channel, :inner_height, :inner_width] = tables[channel][plane]
    return result


def _resized(picture: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """In integers: along the rows to 1/128 of a level, then along the columns."""
    wide = picture.astype(np.int32)
    left, right = columns[:, 2, None], columns[:, 3, None]
    lines = (wide[:, columns[:, 0]] * left + wide[:, columns[:, 1]] * right) >> 4
    upper, lower = rows[:, 2, None, None], rows[:, 3, None, None]
    return (((lines[rows[:, 0]] * upper) >> 16) + ((lines[rows[:, 1]] * lower) >> 16) + 2) >> 2


def _luminance(picture: np.ndarray) -> np.ndarray:
    return (picture.astype(np.int32) @ np.int32([3735, 19235, 9798]) + (1 << 14)) >> 15
