"""A camera's picture becomes the network's input."""

from __future__ import annotations

import cv2
import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.picture import CHANNEL_ORDER, inner_size, level_tables, require_picture
from edgeskip.core.placement import Placement


def prepare(picture: np.ndarray, preparation: Preparation) -> tuple[np.ndarray, Placement]:
    """Resize, reorder and normalise a picture uint8 BGR [H, W, 3].

    Returns:
        float32 [1, C, height, width], contiguous, value = (pixel - mean) * scale; and where the picture lies in it.

    Raises:
        InputError: the picture is not uint8 [H, W, 3].
    """
    require_picture(picture)
    height, width = picture.shape[:2]
    placement = Placement.of((width, height), preparation)
    inner = inner_size((width, height), preparation)
    if inner != (width, height):
        picture = cv2.resize(picture, inner, interpolation=cv2.INTER_LINEAR)
    if preparation.color == "GRAY":
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None]
    return _normalised(picture, preparation), placement


def _normalised(picture: np.ndarray, preparation: Preparation) -> np.ndarray:
    height, width = picture.shape[:2]
    whole_width, whole_height = preparation.size
    output = np.empty((1, preparation.channels, whole_height, whole_width), np.float32)
    tables, pads = level_tables(preparation)
    for channel, source in enumerate(CHANNEL_ORDER[preparation.color] or (0,)):
        plane = output[0, channel]
        # a table look-up rounds like the formula and is several times faster than three passes of numpy
        plane[:height, :width] = cv2.LUT(cv2.extractChannel(picture, source), tables[channel])
        plane[height:] = pads[channel]
        plane[:height, width:] = pads[channel]
    return output
