"""A clip through a whole network, frame by frame, with gradients through time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from edgeskip.core.errors import InputError
from edgeskip.nn.state import reset_state, separate_state


def run_clip(model: nn.Module, clip: Tensor, window: int | None = None) -> Any:
    """Outputs of every frame of clip [N, T, C, H, W], stacked along a new second dimension: [N, T, ...].

    The model sees frames [N, C, H, W]; its outputs may be tensors, lists, tuples or dicts of them. The first frame is
    the reference. `window`: frames from one reference to the next (all of the clip if None). The model's own temporal
    state is left as it was.

    Raises:
        InputError: not a clip, or one shorter than the window.
    """
    if clip.dim() != 5 or not clip.shape[1]:
        raise InputError(f"a clip is [N, T, C, H, W] with at least one frame, not {list(clip.shape)}")
    if window is not None and not 1 <= window <= clip.shape[1]:
        raise InputError(
            f"the clip has {clip.shape[1]} frames, the window {window}",
            hint="give longer clips, or a window between 1 and the length of a clip",
        )
    outputs = []
    with separate_state(model):
        for index, frame in enumerate(clip.unbind(1)):
            if window is not None and index % window == 0:
                reset_state(model)
            outputs.append(model(frame))
    return _stack(outputs)


def _stack(outputs: list[Any]) -> Any:
    first = outputs[0]
    if isinstance(first, Tensor):
        return torch.stack(outputs, 1)
    if isinstance(first, dict):
        return {key: _stack([output[key] for output in outputs]) for key in first}
    if isinstance(first, (list, tuple)):
        stacked = [_stack(list(values)) for values in zip(*outputs, strict=True)]
        return stacked if isinstance(first, list) else tuple(stacked)
    raise InputError(f"the network returns {type(first).__name__}, which can't be stacked over time")
