"""What a layer remembers: its state between frames, and how much it has computed."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Frame(NamedTuple):
    """What one step of one layer yields.

    `output` [N, O, h, w]; `state` for the next step; `computed` bool [N, 1, h, w], output pixels that the convolution
    had to be computed at; `compared` [N], pixels that the gate had to be evaluated at; `amount` [N], expected number
    of computed pixels, with gradient, None in a reference frame (computed densely because nothing was known).
    """

    output: Tensor
    state: dict[str, Tensor]
    computed: Tensor
    compared: Tensor
    amount: Tensor | None


class Record:
    """Pixels that a layer computed, summed over frames, per stream [N].

    Reference frames are counted apart: they are dense whatever the gate does.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.pixels = 0  # output pixels of one frame
        self.frames = 0
        self.reference_frames = 0
        self.computed: Tensor | None = None
        self.compared: Tensor | None = None
        self.amount: Tensor | None = None
        self.mask: Tensor | None = None

    def add(self, frame: Frame) -> None:
        """Count one frame."""
        self.mask = frame.computed
        self.pixels = frame.computed.shape[-2] * frame.computed.shape[-1]
        if frame.amount is None:
            self.reference_frames += 1
            return
        self.frames += 1
        self.computed = _sum(self.computed, count(frame.computed))
        self.compared = _sum(self.compared, frame.compared)
        self.amount = _sum(self.amount, frame.amount)


class Site:
    """One place in the network that a layer is used at: state, the input's shape, record."""

    def __init__(self) -> None:
        self.state: dict[str, Tensor] | None = None
        self.shape: torch.Size | None = None
        self.record = Record()


def count(mask: Tensor) -> Tensor:
    """Set pixels of mask [N, 1, h, w] per stream: int64 [N]."""
    return mask.sum((1, 2, 3), dtype=torch.int64)


def _sum(total: Tensor | None, value: Tensor) -> Tensor:
    return value if total is None or total.shape != value.shape else total + value
