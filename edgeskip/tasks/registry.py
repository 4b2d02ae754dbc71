"""Decoders by name."""

from __future__ import annotations

from collections.abc import Mapping

from edgeskip.core.contract import Preparation, Task
from edgeskip.core.errors import ModelError
from edgeskip.tasks.base import Decoder

_DECODERS: dict[str, type[Decoder]] = {}

# most telling shapes first: the first decoder that matches is taken, and "tensor" matches everything
DETECTION_ORDER = ("yunet", "retinaface", "yolox", "fastestdet", "heatmap", "segmentation", "tensor")


def register(decoder: type[Decoder]) -> type[Decoder]:
    """Class decorator: make `decoder` known by its name."""
    assert decoder.name not in _DECODERS, decoder.name
    _DECODERS[decoder.name] = decoder
    return decoder


def names() -> list[str]:
    """Names of the decoders, sorted."""
    return sorted(_DECODERS)


def get(name: str) -> type[Decoder]:
    """The decoder called `name`. Raises ModelError where there is none."""
    if name not in _DECODERS:
        raise ModelError(f"unknown task {name!r}", hint=f"tasks: {', '.join(names())}")
    return _DECODERS[name]


def create_decoder(task: Task, preparation: Preparation) -> Decoder:
    """The decoder of a model's task record. Raises ModelError on an unknown task or parameter."""
    return get(task.name).create(task, preparation)


def detect_task(input_shape: tuple[int, ...], output_shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Name of the task that a network with these shapes ([N, C, H, W]) most likely does.

    A guess from shapes alone: a network whose maps look alike and mean something else needs `--task`.
    """
    others = [name for name in names() if name not in DETECTION_ORDER]
    order = (*DETECTION_ORDER[:-1], *others, DETECTION_ORDER[-1])
    return next(name for name in order if get(name).matches(input_shape, output_shapes))
