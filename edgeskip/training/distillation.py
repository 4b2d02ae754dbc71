"""Self-distillation: the dense network of the same weights says what the gated one should have answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

SMALLEST_VARIANCE = 1e-12
# a channel that hardly moves is no reason to compute: its variance counts as this share of the mean one at least
QUIET_CHANNEL = 0.01


def distillation_loss(outputs: Any, targets: tuple[Any, ...], teacher: Any) -> Tensor:
    """Squared error of the gated frames relative to the variance of the dense outputs, mean over channels and tensors.

    `outputs`, `teacher`: [N, T, C, ...], tensors or lists, tuples and dicts of them. The variance is each channel's
    about its own mean: a constant offset of a channel hides nothing. The first frame is the reference, equal by
    construction, and left out.
    """
    sums = (_sums(got[:, 1:], wanted[:, 1:]) for got, wanted in _pairs(outputs, teacher))
    return torch.stack([_shares(*single).mean() for single in sums]).mean()


class Fidelity:
    """Metric: 1 - squared error / variance of the dense outputs over all gated frames, per channel, mean over channels
    and output tensors.

    1 is the dense network, 0 is as good as a constant per channel.
    """

    name = "fidelity"

    def __init__(self) -> None:
        self._sums: list[tuple[Tensor, ...]] = []

    def update(self, outputs: Any, targets: tuple[Any, ...], teacher: Any) -> None:
        """Add a batch."""
        sums = [_sums(got[:, 1:].double(), wanted[:, 1:].double()) for got, wanted in _pairs(outputs, teacher)]
        before = self._sums or [tuple(torch.zeros_like(value) for value in single) for single in sums]
        self._sums = [tuple(a + b for a, b in zip(old, new, strict=True))
                      for old, new in zip(before, sums, strict=True)]  # fmt: skip

    def compute(self) -> float:
        """The figure."""
        return 1 - float(torch.stack([_shares(*single).mean() for single in self._sums]).mean())


class Mean:
    """Metric of a function of (outputs, targets, teacher): the mean over batches, each by its number of clips."""

    def __init__(self, function: Any) -> None:
        self.name = getattr(function, "__name__", "metric")
        self._function, self._total, self._count = function, 0.0, 0

    def update(self, outputs: Any, targets: tuple[Any, ...], teacher: Any) -> None:
        """Add a batch."""
        clips = len(tensors(outputs)[0])
        self._total += clips * float(self._function(outputs, targets, teacher))
        self._count += clips

    def compute(self) -> float:
        """The figure."""
        return self._total / max(self._count, 1)


def tensors(value: Any) -> list[Tensor]:
    """The tensors of an output, in order."""
    if isinstance(value, Tensor):
        return [value]
    entries = value.values() if isinstance(value, dict) else value
    return [tensor for entry in entries for tensor in tensors(entry)]


def _pairs(outputs: Any, teacher: Any) -> Iterator[tuple[Tensor, Tensor]]:
    for got, wanted in zip(tensors(outputs), tensors(teacher), strict=True):
        yield (
            got if got.dtype == torch.float64 else got.float(),
            wanted if wanted.dtype == torch.float64 else wanted.float(),
        )


def _sums(got: Tensor, wanted: Tensor) -> tuple[Tensor, ...]:
    """Per channel of [N, T, C, ...] (a tensor [N, T] has one): squared error, squares, sum, and number of values."""
    got, wanted = (value.reshape(*value.shape, 1) if value.dim() == 2 else value for value in (got, wanted))
    others = [axis for axis in range(wanted.dim()) if axis != 2]
    error = (got - wanted).square().sum(others)
    count = torch.full_like(error.detach(), wanted.numel() / max(wanted.shape[2], 1))
    return error, wanted.square().sum(others), wanted.sum(others), count


def _shares(error: Tensor, square: Tensor, total: Tensor, count: Tensor) -> Tensor:
    """Error / variance of each channel."""
    variance = (square - total.square() / count).clamp_min(0) / count
    return error / count / variance.clamp_min(QUIET_CHANNEL * variance.mean()).clamp_min(SMALLEST_VARIANCE)
