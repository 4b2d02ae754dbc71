"""A camera's picture becomes the network's input."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError
from edgeskip.core.placement import Placement

_CHANNELS = {"BGR": (0, 1, 2), "RGB": (2, 1, 0), "GRAY": (0,)}


def prepare(picture: np.ndarray, preparation: Preparation) -> tuple[np.ndarray, Placement]:
    """Resize, reorder and normalise a picture uint8 BGR [H, W, 3].

    Returns:
        float32 [1, C, height, width], contiguous, value = (pixel - mean) * scale; and where the picture lies in it.

    Raises:
        InputError: the picture is not uint8 [H, W, 3].
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
        raise InputError(
            f"a picture must be uint8 [height, width, 3] in BGR, this one is {picture.dtype} {list(picture.shape)}"
        )
    height, width = picture.shape[:2]
    placement = Placement.of((width, height), preparation)
    inner = _inner_size(placement, preparation)
    if inner != (width, height):
        picture = cv2.resize(picture, inner, interpolation=cv2.INTER_LINEAR)
    if preparation.color == "GRAY":
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None]
    return _normalised(picture, preparation), placement


def _inner_size(placement: Placement, preparation: Preparation) -> tuple[int, int]:
    """Width and height of the picture inside the input, which is larger where a letterbox pads."""
    scales = (placement.scale_x, placement.scale_y)
    sides = zip(placement.source_size, scales, preparation.size, strict=True)
    inner_width, inner_height = (min(limit, max(1, round(side * scale))) for side, scale, limit in sides)
    return inner_width, inner_height


def _normalised(picture: np.ndarray, preparation: Preparation) -> np.ndarray:
    height, width = picture.shape[:2]
    whole_width, whole_height = preparation.size
    output = np.empty((1, preparation.channels, whole_height, whole_width), np.float32)
    tables, pads = _tables(preparation)
    for channel, source in enumerate(_CHANNELS[preparation.color]):
        plane = output[0, channel]
        # a table look-up rounds like the formula and is several times faster than three passes of numpy
        plane[:height, :width] = cv2.LUT(cv2.extractChannel(picture, source), tables[channel])
        plane[height:] = pads[channel]
        plane[:height, width:] = pads[channel]
    return output


@lru_cache(maxsize=32)
def _tables(preparation: Preparation) -> tuple[np.ndarray, np.ndarray]:
    """Value of each pixel level per channel, float32 [C, 256], and of the padding, [C]."""
    channels = preparation.channels
    mean = np.float32(preparation.mean[:channels])[:, None]
    scale = np.float32(preparation.scale[:channels])[:, None]
    tables = (np.arange(256, dtype=np.float32) - mean) * scale
    return tables, ((np.float32(preparation.pad_value) - mean) * scale)[:, 0]
