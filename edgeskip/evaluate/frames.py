"""Pictures on their way into a measurement: decoded and prepared first, a few at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from time import perf_counter_ns

import numpy as np

from edgeskip.core.contract import Preparation
from edgeskip.core.errors import InputError, ModelError
from edgeskip.core.placement import Placement
from edgeskip.graph.skip_model import SkipModel
from edgeskip.video.prepare import prepare

Prepared = tuple[np.ndarray, Placement]
Camera = tuple[np.ndarray, np.ndarray, Placement, float]

# bounds memory: a prepared picture of 640x384 takes 3 MB
CHUNK = 32


def picture_input(model: SkipModel) -> tuple[str, Preparation]:
    """Name and preparation of the one input that takes pictures.

    Raises:
        ModelError: the network has several inputs, or the file does not say how its picture is prepared.
    """
    names = model.frame_inputs
    if len(names) != 1:
        raise ModelError(f"{model.file}: one picture input can be measured, the network has {len(names)}: {names}")
    if names[0] not in model.metadata.inputs:
        raise ModelError(
            f"{model.file}: the metadata has no preparation for input {names[0]}",
            hint="export the model again: edgeskip export MODEL -o model.skip.onnx",
        )
    return names[0], model.metadata.inputs[names[0]]


def prepared_chunks(pictures: Iterable[np.ndarray], preparation: Preparation) -> Iterator[list[Prepared]]:
    """Prepared pictures in lists of up to 32: each list is decoded and prepared before any of it is timed."""
    iterator = iter(pictures)
    while chunk := [prepare(picture, preparation) for picture in islice(iterator, CHUNK)]:
        yield chunk


def camera_chunks(pictures: Iterable[np.ndarray], preparation: Preparation) -> Iterator[list[Camera]]:
    """The same with each picture as the camera gave it, and the milliseconds that preparing it took."""
    iterator = iter(pictures)
    while chunk := [_camera(picture, preparation) for picture in islice(iterator, CHUNK)]:
        yield chunk


def _camera(picture: np.ndarray, preparation: Preparation) -> Camera:
    begin = perf_counter_ns()
    prepared, placement = prepare(picture, preparation)
    return picture, prepared, placement, (perf_counter_ns() - begin) / 1e6


def require_frames(counted: int, warmup: int) -> None:
    """Raises InputError where no picture is left to measure after `warmup`."""
    if counted < 1:
        raise InputError(
            f"the source has no more than {warmup} pictures, and these only warm up: nothing is left to measure",
            hint="take more with --frames, start earlier with --start, or choose a longer source",
        )
