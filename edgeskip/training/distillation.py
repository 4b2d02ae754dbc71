"""Self-distillation: the dense network of the same weights says what the gated one should have answered."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SMALLEST_VARIANCE = 1e-12


def distillation_loss(outputs: Any, targets: tuple[Any, ...], teacher: Any) -> Tensor:
    """Squared error of the gated frames relative to the variance of the dense outputs, mean over output tensors.

    `outputs`, `teacher`: [N, T, ...], tensors or lists, tuples and dicts of them. The first frame is the reference,
    equal by construction, and left out.
    """
    pairs = list(zip(tensors(outputs), tensors(teacher), strict=True))
    return torch.stack([_error(got[:, 1:].float(), wanted[:, 1:].float()) for got, wanted in pairs]).mean()


class Fidelity:
    """Metric: 1 - squared error / variance of the dense outputs over all gated frames, mean over output tensors.

    1 is the dense network, 0 is as good as a constant.
    """

    name = "fidelity"

    def __init__(self) -> None:
        self._sums: list[Tensor] = []

    def update(self, outputs: Any, targets: tuple[Any, ...], teacher: Any) -> None:
        """Add a batch."""
        pairs = zip(tensors(outputs), tensors(teacher), strict=True)
        sums = [_sums(got[:, 1:].double(), wanted[:, 1:].double()) for got, wanted in pairs]
        self._sums = sums if not self._sums else [a + b for a, b in zip(self._sums, sums, strict=True)]

    def compute(self) -> float:
        """The figure."""
        shares = [error / (square - total**2 / count).clamp_min(SMALLEST_VARIANCE)
                  for error, square, total, count in self._sums]  # fmt: skip
        return 1 - float(torch.stack(shares).mean())


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


def _error(got: Tensor, wanted: Tensor) -> Tensor:
    variance = (wanted - wanted.mean()).square().mean().clamp_min(SMALLEST_VARIANCE)
    return (got - wanted).square().mean() / variance


def _sums(got: Tensor, wanted: Tensor) -> Tensor:
    error, square = (got - wanted).square().sum(), wanted.square().sum()
    return torch.stack([error, square, wanted.sum(), torch.tensor(float(wanted.numel()), device=wanted.device)])
